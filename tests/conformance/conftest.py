"""Simulated parts that several suites use."""

import mujoco
import pytest
from fakes import FakeRig

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.sim.robot import SimulatedRobot
from hlm.sim.scene import floor_with_robot
from hlm.sim.start_pose import stand_on_floor
from hlm.sim.world import World


@pytest.fixture(scope="session")
def floor_model() -> mujoco.MjModel:
    """A robot on a floor."""
    return floor_with_robot(UNITREE_G1).compile()


@pytest.fixture
def simulated_robot(floor_model) -> tuple[SimulatedRobot, World]:
    """A simulated robot that stands, and its world."""
    world = World(floor_model)
    robot = SimulatedRobot(world, UNITREE_G1)
    world.reset()
    stand_on_floor(world, robot, UNITREE_G1.default_rad, (0.0, 0.0, 0.0))
    world.forward()
    return robot, world


@pytest.fixture
def rig() -> FakeRig:
    """The fakes of a station."""
    return FakeRig.make()
