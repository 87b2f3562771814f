"""The seam to tasks in MuJoCo."""

from __future__ import annotations

from typing import Protocol

from hlm.core.task import Task
from hlm.sim.robot import SimulatedRobot
from hlm.sim.world import World


class SimulatedTask(Task, Protocol):
    """A task with a world of its own and a robot in it.

    Attributes:
        world: the world, which is also the clock of the session.
        robot: the robot in it.
    """

    world: World
    robot: SimulatedRobot

    def operator_can_begin(self) -> bool:
        """Whether the scripted operator could begin from here: with an open hand, at a thing that stands."""
        ...
