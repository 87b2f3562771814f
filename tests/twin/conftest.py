"""A simulated robot that stands."""

import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.sim.robot import SimulatedRobot
from hlm.sim.scene import floor_with_robot
from hlm.sim.start_pose import stand_on_floor
from hlm.sim.world import World


@pytest.fixture
def simulated_robot():
    world = World(floor_with_robot(UNITREE_G1).compile())
    robot = SimulatedRobot(world, UNITREE_G1)
    world.reset()
    stand_on_floor(world, robot, UNITREE_G1.default_rad, (0.0, 0.0, 0.0))
    world.forward()
    return robot, world
