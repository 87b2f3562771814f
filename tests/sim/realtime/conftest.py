"""A task, another of the same kind to mirror it, and a plant's parts without its process."""

import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.shared_ring import SharedRing
from hlm.sim.realtime.cable import RingPort, make_cable
from hlm.sim.realtime.mirror import Mirror
from hlm.sim.realtime.plant import Plant
from hlm.sim.realtime.plant_robot import PlantRobot
from hlm.sim.realtime.world_record import WorldRecorder, world_dtype
from hlm.sim.tasks.shelf_cup_transfer.stages import make_task


@pytest.fixture(scope="module")
def task():
    return make_task(UNITREE_G1)


@pytest.fixture(scope="module")
def twin_task():
    """A second task of the same kind, with a world of its own."""
    return make_task(UNITREE_G1)


@pytest.fixture
def bench(task, twin_task):
    """A plant that is stepped by the test, the robot at its cable, and the mirror of its world."""
    cable, worlds = make_cable(), SharedRing(world_dtype(task.world.model), slots=8)
    with task.robot, RingPort(cable) as port:
        plant = Plant(task, port, WorldRecorder(worlds))
        with PlantRobot(cable) as robot:
            yield plant, robot, Mirror(twin_task.world, worlds)
