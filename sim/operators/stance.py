"""The robot's true stance, for scripted operators."""

from __future__ import annotations

import numpy as np

from hlm.control.inverse_kinematics import PoseTarget
from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.rotations import quat_from_matrix
from hlm.sim.robot import SimulatedRobot

_SOLES = ("left_sole", "right_sole")


def true_configuration(robot: SimulatedRobot) -> Configuration:
    """The robot's true configuration in the world."""
    position_m, quat_wxyz = robot.true_base()
    return Configuration(
        position_pelvis_in_world_m=position_m,
        quat_world_from_pelvis_wxyz=quat_wxyz,
        joint_position_rad=robot.read().joint_position_rad,
    )


def sole_poses(model: BodyModel, configuration: Configuration) -> FloatArray:
    """[foot, 4, 4] poses of the left and right sole in the world."""
    return np.array([model.pose_world_from(name, configuration) for name in _SOLES])


def pose_target(pose_world_from_frame: FloatArray) -> PoseTarget:
    """The target at a [4, 4] pose."""
    return PoseTarget(
        position_in_world_m=pose_world_from_frame[:3, 3],
        quat_world_from_frame_wxyz=quat_from_matrix(pose_world_from_frame[:3, :3]),
    )
