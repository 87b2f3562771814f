"""How the robot stands when an episode starts."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.layout import MOTOR_RIGHT_ARM
from hlm.core.rotations import quat_from_yaw
from hlm.sim.robot import SimulatedRobot
from hlm.sim.world import World

START_POSE = "manipulation"
_RIGHT_ARM_NOISE_RAD = 0.03


def sampled_start_pose_rad(embodiment: Embodiment, rng: np.random.Generator) -> FloatArray:
    """[joint] the embodiment's pose `START_POSE` with noise on the right arm."""
    joints_rad = embodiment.pose_rad(START_POSE).copy()
    joints_rad[MOTOR_RIGHT_ARM] += rng.normal(0.0, _RIGHT_ARM_NOISE_RAD, size=7)
    return joints_rad


def stand_on_floor(world: World, robot: SimulatedRobot, joints_rad: FloatArray, ankles: FloatArray) -> None:
    """Put the robot at rest on the floor, standing on its soles.

    Args:
        world: the world that contains the robot.
        robot: the robot to place.
        joints_rad: [joint] angles in motor order.
        ankles: [3] x (m), y (m) and yaw (rad) of the midpoint between the ankles.
    """
    embodiment = robot.embodiment
    x_m, y_m, yaw_rad = ankles
    quat_wxyz = quat_from_yaw(yaw_rad)
    robot.place(np.array([0.0, 0.0, embodiment.standing_height_m]), quat_wxyz, joints_rad)
    world.forward()
    feet = [world.data.body(link) for link in embodiment.sole_links]
    corners_m = np.array(embodiment.sole_corners_m)
    lowest_m = min((foot.xpos + corners_m @ foot.xmat.reshape(3, 3).T)[:, 2].min() for foot in feet)
    midpoint_m = np.mean([foot.xpos for foot in feet], axis=0)
    pelvis_m = [x_m - midpoint_m[0], y_m - midpoint_m[1], embodiment.standing_height_m - lowest_m]
    robot.place(np.array(pelvis_m), quat_wxyz, joints_rad)
