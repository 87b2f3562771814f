"""The three-point interface: poses of the head and both hands, and a walk; what a headset with two controllers says.

OpenHLM's 24 numbers (3 poses of 3 + 4 numbers, 3 for navigation), and two grippers. Poses are in the stance frame: on
the floor midway between the feet, x ahead, y to the left, z up.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.commanded_body import CommandedBody
from hlm.control.inverse_kinematics import PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.layout import MOTOR_WAIST, unpack
from hlm.core.rotations import (
    planar_from_pose,
    quat_from_matrix,
    quat_from_roll_pitch_yaw,
    roll_pitch_yaw_from_quat,
)
from hlm.teleop.interfaces.odometry import BodyMotion

_POINTS = ("head", "left_hand", "right_hand")
_FRAMES = ("head_camera", "left_grip", "right_grip")
_POSE = ("x", "y", "z", "qw", "qx", "qy", "qz")
NAMES: tuple[str, ...] = (
    *(f"{point}_{number}" for point in _POINTS for number in _POSE),
    "velocity_ahead",
    "velocity_left",
    "turn_rate",
    "left_gripper",
    "right_gripper",
)
UNITS: tuple[str, ...] = (*["m", "m", "m", "1", "1", "1", "1"] * 3, "m/s", "m/s", "rad/s", "1", "1")
_HEAD, _LEFT, _RIGHT = slice(0, 7), slice(7, 14), slice(14, 21)
_WALK, _GRIPPERS = slice(21, 24), slice(24, 26)

# A head does not say which joint bends: of what is bent ahead beyond standing, the pelvis takes two thirds.
UPRIGHT_WAIST_PITCH_RAD = 0.1
PELVIS_SHARE = 2.0 / 3.0


def three_point_vector(motion: BodyMotion, walk: FloatArray, model: BodyModel) -> FloatArray:
    """[26] what a motion is in this interface; legs, pelvis and elbows are lost.

    Args:
        motion: what the whole body should do.
        walk: [3] velocity ahead, to the left, and turning left, with which the operator steers.
        model: of the robot.
    """
    into_stance = np.linalg.inv(motion.pose_world_from_stance)
    poses = [into_stance @ model.pose_world_from(frame, motion.configuration) for frame in _FRAMES]
    points = [np.concatenate([pose[:3, 3], quat_from_matrix(pose[:3, :3])]) for pose in poses]
    return np.concatenate([*points, walk, unpack(motion.reference).gripper_opening])


def three_point_command(vector: FloatArray, model: BodyModel) -> BodyCommand:
    """A [26] vector as a command of the body: pelvis and waist follow the head, which is fixed to the torso.

    Args:
        vector: [26] what is commanded.
        model: of the robot.
    """
    roll, pitch, yaw = roll_pitch_yaw_from_quat(vector[_HEAD][3:])
    lean_rad = PELVIS_SHARE * (pitch - UPRIGHT_WAIST_PITCH_RAD)
    waist_rad = np.array([yaw, 0.0, pitch - lean_rad])
    ahead, left, turn = vector[_WALK]
    return BodyCommand(
        velocity_m_s=np.array([ahead, left]),
        turn_rate_rad_s=float(turn),
        pelvis_height_m=float(vector[_HEAD][2] - _head_above_pelvis_m(model, np.array([roll, lean_rad]), waist_rad)),
        pelvis_roll_rad=float(roll),
        pelvis_pitch_rad=float(lean_rad),
        waist_rad=waist_rad,
        grips=(_target(vector[_LEFT]), _target(vector[_RIGHT])),
        gripper_opening=vector[_GRIPPERS],
    )


class ThreePointBody:
    """Moves a body by [26] vectors, by `CommandedBody` and inverse kinematics.

    Args:
        embodiment: the robot.
    """

    def __init__(self, embodiment: Embodiment) -> None:
        self._model = BodyModel(embodiment)
        self._body = CommandedBody(embodiment)
        self._ik = WholeBodyIK(self._model)
        self._configuration = Configuration.standing(embodiment)

    def reset(self, configuration: Configuration) -> None:
        """Start at rest from a configuration with both feet on the floor."""
        self._body.reset(configuration)
        self._configuration = configuration

    @property
    def stance(self) -> FloatArray:
        """[3] x (m), y (m) and yaw (rad) midway between the soles."""
        return planar_from_pose(self._body.pose_world_from_stance)

    def moved(self, vector: FloatArray, dt_s: float) -> Configuration:
        """The body `dt_s` after the last one.

        Args:
            vector: [26] what is commanded.
            dt_s: time since the last call, > 0.
        """
        pose = self._body.pose(three_point_command(vector, self._model), dt_s)
        self._configuration = self._ik.solve(pose.targets, self._configuration)
        return self._configuration

    def gripper_opening(self, vector: FloatArray) -> FloatArray:
        """[2] openings of the grippers in a [26] vector."""
        return vector[_GRIPPERS]


def _target(pose: FloatArray) -> PoseTarget:
    return PoseTarget(position_in_world_m=pose[:3], quat_world_from_frame_wxyz=pose[3:])


def _head_above_pelvis_m(model: BodyModel, lean_rad: FloatArray, waist_rad: FloatArray) -> float:
    """Height of the head above the pelvis with [2] roll and pitch of the pelvis and [3] joints of the waist."""
    standing = Configuration.standing(model.embodiment)
    joints_rad = standing.joint_position_rad.copy()
    joints_rad[MOTOR_WAIST] = waist_rad
    leaning = replace(
        standing,
        position_pelvis_in_world_m=np.zeros(3),
        quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(np.array([*lean_rad, 0.0])),
        joint_position_rad=joints_rad,
    )
    return float(model.pose_world_from(_FRAMES[0], leaning)[2, 3])
