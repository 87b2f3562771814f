"""The command that keeps a body as a reference has it."""

from __future__ import annotations

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.start import standing_configuration
from hlm.control.inverse_kinematics import PoseTarget
from hlm.control.model import BodyModel
from hlm.control.walking_pattern import middle
from hlm.core.arrays import FloatArray
from hlm.core.layout import GRIPPERS, MOTOR_WAIST
from hlm.core.rotations import planar_from_pose, pose_from_planar, quat_from_matrix, roll_pitch_yaw_from_quat

_SIDES = ("left", "right")


def posture(model: BodyModel, vector: FloatArray) -> BodyCommand:
    """Hands, height, lean, waist and grippers as they are in a reference; the feet are left to the body.

    Args:
        model: the robot.
        vector: [34] reference of a robot that stands on both feet.
    """
    there = standing_configuration(model, vector)
    soles = [model.pose_world_from(f"{side}_sole", there) for side in _SIDES]
    pose_world_from_stance = pose_from_planar(middle(np.array([planar_from_pose(pose) for pose in soles])))
    floor_m = float(np.mean([pose[2, 3] for pose in soles]))
    pose_world_from_stance[2, 3] = floor_m
    pose_stance_from_world = np.linalg.inv(pose_world_from_stance)
    grips = [_target(pose_stance_from_world @ model.pose_world_from(f"{side}_grip", there)) for side in _SIDES]
    roll_rad, pitch_rad, _ = roll_pitch_yaw_from_quat(there.quat_world_from_pelvis_wxyz)
    return BodyCommand(
        pelvis_height_m=float(there.position_pelvis_in_world_m[2]) - floor_m,
        pelvis_roll_rad=float(roll_rad),
        pelvis_pitch_rad=float(pitch_rad),
        waist_rad=there.joint_position_rad[MOTOR_WAIST],
        grips=(grips[0], grips[1]),
        gripper_opening=np.clip(vector[list(GRIPPERS)], 0.0, 1.0),
    )


def _target(pose: FloatArray) -> PoseTarget:
    return PoseTarget(position_in_world_m=pose[:3, 3], quat_world_from_frame_wxyz=quat_from_matrix(pose[:3, :3]))
