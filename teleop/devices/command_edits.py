"""Small changes of a `BodyCommand`, for devices that have keys and sticks instead of poses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.control.inverse_kinematics import PoseTarget
from hlm.core.arrays import FloatArray
from hlm.core.rotations import matrix_from_quat, quat_from_matrix, quat_from_roll_pitch_yaw

LEFT, RIGHT = 0, 1
UPRIGHT_M = 0.74
# Where a key or stick stops: what the body follows, see docs/commanded_body.md, and a little more.
_HEIGHT_M, _PITCH_RAD, _ROLL_RAD = (0.45, 0.755), (-0.1, 0.6), (-0.15, 0.15)
_LEAST_M, _MOST_M = np.array([-0.2, -0.8, 0.1]), np.array([0.8, 0.8, 1.7])
# Where a hand begins when it is called: beside the body, forearm ahead.
_BESIDE_M = (np.array([0.25, 0.2, 0.85]), np.array([0.25, -0.2, 0.85]))
_LEVEL = np.array([1.0, 0.0, 0.0, 0.0])


def with_hand_moved(command: BodyCommand, side: int, shift_m: FloatArray, turn_rad: FloatArray) -> BodyCommand:
    """The command with a hand that is [3] farther, and turned by [3] about the axes of the stance.

    A hand that hung is called to the side of the body first.

    Args:
        command: before.
        side: `LEFT` or `RIGHT`.
        shift_m: ahead, to the left, up.
        turn_rad: roll, pitch and yaw.
    """
    before = command.grips[side]
    place_m = _BESIDE_M[side] if before is None else before.position_in_world_m
    quat = _LEVEL if before is None or before.quat_world_from_frame_wxyz is None else before.quat_world_from_frame_wxyz
    if np.any(turn_rad):
        quat = quat_from_matrix(matrix_from_quat(quat_from_roll_pitch_yaw(turn_rad)) @ matrix_from_quat(quat))
    moved = PoseTarget(
        position_in_world_m=np.clip(place_m + shift_m, _LEAST_M, _MOST_M), quat_world_from_frame_wxyz=quat
    )
    return _with_grip(command, side, moved)


def with_hand_free(command: BodyCommand, side: int) -> BodyCommand:
    """The command with an arm that hangs."""
    return _with_grip(command, side, None)


def with_height_changed(command: BodyCommand, by_m: float) -> BodyCommand:
    """The command with a higher or lower pelvis."""
    before_m = UPRIGHT_M if command.pelvis_height_m is None else command.pelvis_height_m
    return replace(command, pelvis_height_m=float(np.clip(before_m + by_m, *_HEIGHT_M)))


def with_lean_changed(command: BodyCommand, roll_rad: float, pitch_rad: float) -> BodyCommand:
    """The command with more lean to the right and ahead."""
    return replace(
        command,
        pelvis_roll_rad=float(np.clip(command.pelvis_roll_rad + roll_rad, *_ROLL_RAD)),
        pelvis_pitch_rad=float(np.clip(command.pelvis_pitch_rad + pitch_rad, *_PITCH_RAD)),
    )


def with_gripper(command: BodyCommand, side: int, opening: float) -> BodyCommand:
    """The command with a gripper at this opening."""
    openings = command.gripper_opening.copy()
    openings[side] = opening
    return replace(command, gripper_opening=openings)


def with_gripper_toggled(command: BodyCommand, side: int) -> BodyCommand:
    """The command with an open gripper closed, or a closed one open."""
    return with_gripper(command, side, 0.0 if command.gripper_opening[side] > 0.5 else 1.0)


def upright(command: BodyCommand) -> BodyCommand:
    """The command with a body that stands upright with hanging arms, and the grippers as they are."""
    return BodyCommand(gripper_opening=command.gripper_opening)


def _with_grip(command: BodyCommand, side: int, target: PoseTarget | None) -> BodyCommand:
    left, right = command.grips
    return replace(command, grips=(target, right) if side == LEFT else (left, target))
