"""What a task in MuJoCo offers beyond `hlm.core.task.Task`: its world, and the robot in it."""

from __future__ import annotations

from typing import Protocol

from hlm.core.task import Task
from hlm.sim.robot import SimulatedRobot
from hlm.sim.world import World


class SimulatedTask(Task, Protocol):
    """A task with a world of its own."""

    world: World
    robot: SimulatedRobot
