"""How the robot stands when an episode starts."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.rotations import quat_from_roll_pitch_yaw
from hlm.sim.robot import SimulatedRobot
from hlm.sim.world import World

# Gripper in front of the chest and behind the furniture's front edge, fingers ahead; the left arm stays out of the way.
_RIGHT_ARM_HOME_RAD = (0.843, -0.335, -0.094, -0.588, 0.396, -0.231, 0.115)
_LEFT_ARM_HOME_RAD = (0.55, 0.25, 0.0, 0.45, 0.0, 0.0, 0.0)
_RIGHT_ARM_NOISE_RAD = 0.03


def home_rad() -> FloatArray:
    """[29] joint angles of a robot that stands and holds its right gripper before the chest."""
    joints = np.array(UNITREE_G1.default_rad)
    joints[15:22] = _LEFT_ARM_HOME_RAD
    joints[22:29] = _RIGHT_ARM_HOME_RAD
    return joints


def drawn_home_rad(rng: np.random.Generator) -> FloatArray:
    """[29] home pose, the right arm a little different each time."""
    joints = home_rad()
    joints[22:29] += rng.normal(0.0, _RIGHT_ARM_NOISE_RAD, size=7)
    return joints


def stand_on_floor(world: World, robot: SimulatedRobot, joints_rad: FloatArray, place: tuple[float, ...]) -> None:
    """Put the robot at rest onto its soles.

    Args:
        world: of the robot.
        robot: to be placed.
        joints_rad: [29] motor order.
        place: x (m), y (m) and yaw (rad) of the middle between the ankles.
    """
    x_m, y_m, yaw_rad = place
    quat = quat_from_roll_pitch_yaw(np.array([0.0, 0.0, yaw_rad]))
    robot.place(np.array([0.0, 0.0, UNITREE_G1.standing_height_m]), quat, joints_rad)
    world.forward()
    feet = [world.data.body(link) for link in UNITREE_G1.sole_links]
    corners = np.array(UNITREE_G1.sole_corners_m)
    lowest_m = min((foot.xpos + corners @ foot.xmat.reshape(3, 3).T)[:, 2].min() for foot in feet)
    middle_m = np.mean([foot.xpos for foot in feet], axis=0)
    start_m = [x_m - middle_m[0], y_m - middle_m[1], UNITREE_G1.standing_height_m - lowest_m]
    robot.place(np.array(start_m), quat, joints_rad)
