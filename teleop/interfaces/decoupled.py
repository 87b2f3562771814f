"""The decoupled interface: joints of arms and waist, a velocity and a height for the legs.

OpenHLM's 21 numbers (section 3.1: 14 arm joints, 3 of the waist, base velocity and height), and two grippers.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.commanded_body import CommandedBody
from hlm.control.inverse_kinematics import BodyTargets, IKConfig, PoseTarget, WholeBodyIK
from hlm.control.learned_legs.decoupled_command import (
    FORWARD_M_S,
    HEIGHT_M,
    LEFTWARD_M_S,
    YAW_RATE_RAD_S,
    DecoupledCommand,
)
from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.layout import MOTOR_ARMS, MOTOR_ORDER, MOTOR_WAIST, unpack
from hlm.core.rotations import planar_from_pose, quat_from_matrix
from hlm.teleop.interfaces.odometry import BodyMotion

NAMES: tuple[str, ...] = (
    *MOTOR_ORDER[MOTOR_ARMS],
    *MOTOR_ORDER[MOTOR_WAIST],
    "velocity_ahead",
    "velocity_left",
    "turn_rate",
    "pelvis_height",
    "left_gripper",
    "right_gripper",
)
UNITS: tuple[str, ...] = (*["rad"] * 17, "m/s", "m/s", "rad/s", "m", "1", "1")
_ARMS, _WAIST, _WALK, _HEIGHT, _GRIPPERS = slice(0, 14), slice(14, 17), slice(17, 20), 20, slice(21, 23)


# The pelvis stays upright and at its height, whatever the hands pull.
UPRIGHT = IKConfig(pelvis_height_weight_per_m=20.0, pelvis_rotation_weight_per_rad=10.0)
_ITERATIONS = 20


def decoupled_vector(motion: BodyMotion, walk: FloatArray, ik: WholeBodyIK) -> FloatArray:
    """[23] what a motion is in this interface: its hands by arms and waist over a pelvis that stays upright.

    Lean of the pelvis and posture of the legs are lost, and hands that are not reached without them.

    Args:
        motion: what the whole body should do.
        walk: [3] velocity ahead, to the left, and turning left, with which the operator steers.
        ik: with `UPRIGHT`.
    """
    bent, stance = motion.configuration, motion.pose_world_from_stance
    upright_wxyz = quat_from_matrix(stance[:3, :3])
    targets = BodyTargets(
        soles=(_target(motion, "left_sole", ik), _target(motion, "right_sole", ik)),
        grips=(_target(motion, "left_grip", ik), _target(motion, "right_grip", ik)),
        pelvis_height_m=float(bent.position_pelvis_in_world_m[2]),
        quat_world_from_pelvis_wxyz=upright_wxyz,
        com_position_in_world_m=ik.model.com_position_in_world_m(bent)[:2],
        joint_position_rad=bent.joint_position_rad,
    )
    found = ik.solve(targets, bent, _ITERATIONS)
    upper_rad = np.concatenate([found.joint_position_rad[MOTOR_ARMS], found.joint_position_rad[MOTOR_WAIST]])
    return np.concatenate([upper_rad, walk, [targets.pelvis_height_m], unpack(motion.reference).gripper_opening])


def decoupled_command(vector: FloatArray, stamp_ns: int) -> DecoupledCommand:
    """A [23] vector for `hlm.control.learned_legs.decoupled_tracker.DecoupledTracker`, inside what that can do.

    Its legs know no height while they walk.
    """
    bounds = np.array([FORWARD_M_S, LEFTWARD_M_S, YAW_RATE_RAD_S])
    ahead, left, turn = np.clip(vector[_WALK], bounds[:, 0], bounds[:, 1])
    walks = bool(vector[_WALK].any())
    return DecoupledCommand(
        stamp_ns=stamp_ns,
        velocity_in_heading_m_s=np.array([ahead, left]),
        yaw_rate_rad_s=float(turn),
        pelvis_height_m=None if walks else float(np.clip(vector[_HEIGHT], *HEIGHT_M)),
        waist_rad=vector[_WAIST],
        arm_rad=vector[_ARMS],
        gripper_opening=np.clip(vector[_GRIPPERS], 0.0, 1.0),
    )


class DecoupledBody:
    """Moves a body by [23] vectors: legs by `CommandedBody`, upright, under arms and a waist that are set.

    Args:
        embodiment: the robot.
    """

    def __init__(self, embodiment: Embodiment) -> None:
        self._body = CommandedBody(embodiment)
        self._ik = WholeBodyIK(BodyModel(embodiment))
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
            vector: [23] what is commanded.
            dt_s: time since the last call, > 0.
        """
        ahead, left, turn = vector[_WALK]
        command = BodyCommand(
            velocity_m_s=np.array([ahead, left]),
            turn_rate_rad_s=float(turn),
            pelvis_height_m=float(vector[_HEIGHT]),
            waist_rad=vector[_WAIST],
        )
        targets = self._body.pose(command, dt_s).targets
        posture_rad = _with_upper_body(self._configuration.joint_position_rad, vector)
        start = replace(self._configuration, joint_position_rad=posture_rad)
        # No target pulls at arms and waist: they stay where they are set, and the legs carry them.
        targets = replace(targets, grips=(None, None), joint_position_rad=posture_rad)
        found = self._ik.solve(targets, start)
        joints_rad = _with_upper_body(found.joint_position_rad, vector)
        self._configuration = replace(found, joint_position_rad=joints_rad)
        return self._configuration

    def gripper_opening(self, vector: FloatArray) -> FloatArray:
        """[2] openings of the grippers in a [23] vector."""
        return vector[_GRIPPERS]


def _with_upper_body(joint_position_rad: FloatArray, vector: FloatArray) -> FloatArray:
    """[29] joints whose arms and waist are those of a [23] vector."""
    joints_rad = joint_position_rad.copy()
    joints_rad[MOTOR_ARMS], joints_rad[MOTOR_WAIST] = vector[_ARMS], vector[_WAIST]
    return joints_rad


def _target(motion: BodyMotion, frame: str, ik: WholeBodyIK) -> PoseTarget:
    """Where a motion has a frame."""
    pose = ik.model.pose_world_from(frame, motion.configuration)
    return PoseTarget(position_in_world_m=pose[:3, 3], quat_world_from_frame_wxyz=quat_from_matrix(pose[:3, :3]))
