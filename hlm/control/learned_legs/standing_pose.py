"""Poses that stand: legs for a height of the pelvis, with waist and arms as given."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hlm.control.inverse_kinematics import BodyTargets, IKConfig, PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.layout import MOTOR_ARMS, MOTOR_LEGS, MOTOR_WAIST, pack
from hlm.core.rotations import roll_pitch_yaw_from_quat
from hlm.core.values import RobotState

HEIGHT = 0
WAIST = slice(1, 4)
ARMS = slice(4, 18)
GRIPPERS = slice(18, 20)
POSTURE = 20
"""A posture is [20]: height of the pelvis above the soles (m), waist and arms (rad), openings of the grippers."""

# Arms and waist stay as they are told, and the pelvis leans rather than the body falls.
_INVERSE_KINEMATICS = IKConfig(
    com_weight_per_m=60.0,
    pelvis_height_weight_per_m=10.0,
    pelvis_rotation_weight_per_rad=0.5,
    posture_weight_per_rad=0.4,
    waist_tilt_weight_per_rad=0.4,
)
_LEVEL = np.array([1.0, 0.0, 0.0, 0.0])
_HALF_STANCE_M = 0.118
_SETTLE_CALLS = 20


def posture_of(height_m: float, joint_position_rad: FloatArray, gripper_opening: FloatArray) -> FloatArray:
    """[20] posture of a body with [29] joints and [2] openings."""
    return np.array([height_m, *joint_position_rad[MOTOR_WAIST], *joint_position_rad[MOTOR_ARMS], *gripper_opening])


class StandingPose:
    """Finds the legs that carry a posture: both soles flat, the centre of mass between them, the pelvis level.

    In a deep squat the ankles are at their limit, and the pelvis leans forward.

    Args:
        model: the robot.
    """

    def __init__(self, model: BodyModel) -> None:
        self._standing = Configuration.standing(model.embodiment)
        self._solver = WholeBodyIK(model, _INVERSE_KINEMATICS)
        left, right = (
            PoseTarget(position_in_world_m=np.array([0.0, y_m, 0.0]), quat_world_from_frame_wxyz=_LEVEL)
            for y_m in (_HALF_STANCE_M, -_HALF_STANCE_M)
        )
        self._stance = BodyTargets(
            soles=(left, right), quat_world_from_pelvis_wxyz=_LEVEL, com_position_in_world_m=np.zeros(2)
        )

    def found(self, posture: FloatArray) -> Configuration:
        """The pose of a [20] posture; the world's origin is the middle of the soles."""
        pose = self._standing
        for _ in range(_SETTLE_CALLS):
            pose = self.near(posture, pose)
        return pose

    def near(self, posture: FloatArray, before: Configuration) -> Configuration:
        """The same in a twentieth of the time, from the pose of a posture close by."""
        joints_rad = before.joint_position_rad.copy()
        joints_rad[MOTOR_WAIST], joints_rad[MOTOR_ARMS] = posture[WAIST], posture[ARMS]
        # Legs may be wherever they are.
        targets = replace(self._stance, pelvis_height_m=float(posture[HEIGHT]), joint_position_rad=joints_rad)
        pose = self._solver.solve(targets, before)
        joints_rad[MOTOR_LEGS] = pose.joint_position_rad[MOTOR_LEGS]
        return replace(pose, joint_position_rad=joints_rad)


def reference_vector(pose: Configuration, gripper_opening: FloatArray) -> FloatArray:
    """[34] the reference of a pose that stands, with [2] openings."""
    roll_rad, pitch_rad, _ = roll_pitch_yaw_from_quat(pose.quat_world_from_pelvis_wxyz)
    return pack(pose.joint_position_rad, gripper_opening, np.array([roll_rad, pitch_rad, 0.0]))


def pelvis_height_m(model: BodyModel, state: RobotState) -> float:
    """Height of a measured pelvis above its lower sole."""
    here = Configuration(
        position_pelvis_in_world_m=np.zeros(3),
        quat_world_from_pelvis_wxyz=state.quat_world_from_pelvis_wxyz,
        joint_position_rad=state.joint_position_rad,
    )
    return -min(float(model.pose_world_from(f"{side}_sole", here)[2, 3]) for side in ("left", "right"))
