"""The 34-D whole-body vector, and the joint orders and vectors of other systems that it converts to and from.

Layout, the same for state and action, rad, rad/s, gripper 1 = open and 0 = closed:
`[0:7] left arm | 7 left gripper | [8:15] right arm | 15 right gripper | [16:22] left leg | [22:28] right leg |
[28:31] waist | [31:34] root roll, root pitch, root yaw rate`. Inside a limb the joints stand in Unitree's motor order.
A VLA that was pretrained on two arms finds its own dimensions first.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import MismatchError

DIMENSIONS = 34
JOINTS = 29

LEFT_ARM = slice(0, 7)
LEFT_GRIPPER = 7
RIGHT_ARM = slice(8, 15)
RIGHT_GRIPPER = 15
LEFT_LEG = slice(16, 22)
RIGHT_LEG = slice(22, 28)
WAIST = slice(28, 31)
ROOT = slice(31, 34)
ROOT_ROLL, ROOT_PITCH, ROOT_YAW_RATE = 31, 32, 33
GRIPPERS = (LEFT_GRIPPER, RIGHT_GRIPPER)

_LEG = ("hip_pitch", "hip_roll", "hip_yaw", "knee", "ankle_pitch", "ankle_roll")
_ARM = ("shoulder_pitch", "shoulder_roll", "shoulder_yaw", "elbow", "wrist_roll", "wrist_pitch", "wrist_yaw")

MOTOR_ORDER: tuple[str, ...] = (
    *(f"left_{joint}" for joint in _LEG),
    *(f"right_{joint}" for joint in _LEG),
    "waist_yaw",
    "waist_roll",
    "waist_pitch",
    *(f"left_{joint}" for joint in _ARM),
    *(f"right_{joint}" for joint in _ARM),
)
"""The 29 joints as Unitree numbers its motors; every joint array in hlm is in this order."""

NAMES: tuple[str, ...] = (
    *MOTOR_ORDER[15:22],
    "left_gripper",
    *MOTOR_ORDER[22:29],
    "right_gripper",
    *MOTOR_ORDER[0:6],
    *MOTOR_ORDER[6:12],
    *MOTOR_ORDER[12:15],
    "root_roll",
    "root_pitch",
    "root_yaw_rate",
)
"""Name of each of the 34 dimensions."""

UNITS: tuple[str, ...] = tuple(
    "1" if "gripper" in name else "rad/s" if name == "root_yaw_rate" else "rad" for name in NAMES
)
"""Unit of each of the 34 dimensions; "1" is a gripper's opening from 0 (closed) to 1 (open)."""

JOINT_INDEX = np.array([NAMES.index(name) for name in MOTOR_ORDER])
"""[joint] where each joint of the motor order stands in the 34-D vector."""
JOINT_INDEX.flags.writeable = False

ISAACLAB_FROM_MOTOR = np.array(
    [0, 6, 12, 1, 7, 13, 2, 8, 14, 3, 9, 15, 22, 4, 10, 16, 23, 5, 11, 17, 24, 18, 25, 19, 26, 20, 27, 21, 28]
)
"""[joint] gather indices: `q_isaaclab = q_motor[ISAACLAB_FROM_MOTOR]`; SONIC's wire and policies use this order."""
ISAACLAB_FROM_MOTOR.flags.writeable = False

MOTOR_FROM_ISAACLAB = np.argsort(ISAACLAB_FROM_MOTOR)
"""[joint] gather indices: `q_motor = q_isaaclab[MOTOR_FROM_ISAACLAB]`."""
MOTOR_FROM_ISAACLAB.flags.writeable = False

GROUPS: dict[str, slice] = {
    "left arm": LEFT_ARM,
    "left gripper": slice(LEFT_GRIPPER, LEFT_GRIPPER + 1),
    "right arm": RIGHT_ARM,
    "right gripper": slice(RIGHT_GRIPPER, RIGHT_GRIPPER + 1),
    "left leg": LEFT_LEG,
    "right leg": RIGHT_LEG,
    "waist": WAIST,
    "root": ROOT,
}
"""Body parts in the order of the vector, for tables and plots."""


class WholeBody(NamedTuple):
    """The parts of a 34-D vector.

    Attributes:
        joint_position_rad: [..., 29] in motor order.
        gripper_opening: [..., 2] left, right; 1 = open.
        root: [..., 3] roll (rad), pitch (rad), yaw rate (rad/s).
    """

    joint_position_rad: FloatArray
    gripper_opening: FloatArray
    root: FloatArray


def pack(joint_position_rad: FloatArray, gripper_opening: FloatArray, root: FloatArray) -> FloatArray:
    """[..., 34] float64 vector of [..., 29] joints in motor order, [..., 2] gripper openings and [..., 3] root.

    Raises:
        MismatchError: a last axis has another length.
    """
    joints = _checked(joint_position_rad, JOINTS)
    vector = np.empty((*joints.shape[:-1], DIMENSIONS))
    vector[..., JOINT_INDEX] = joints
    vector[..., GRIPPERS] = _checked(gripper_opening, len(GRIPPERS))
    vector[..., ROOT] = _checked(root, 3)
    return vector


def unpack(vector: FloatArray) -> WholeBody:
    """Joints in motor order, gripper openings and root of a [..., 34] vector; inverse of `pack`."""
    array = _checked(vector, DIMENSIONS)
    return WholeBody(array[..., JOINT_INDEX], array[..., GRIPPERS], array[..., ROOT])


def from_openhlm(body: FloatArray, gripper_opening: FloatArray) -> FloatArray:
    """[..., 34] vector of OpenHLM's recorded [..., 32] body and [..., 2] hands.

    Its body is `[0:3] roll, pitch, yaw rate | [3:32] the 29 joints in motor order`.
    """
    array = _checked(body, 32)
    return pack(array[..., 3:], gripper_opening, array[..., :3])


def to_openhlm(vector: FloatArray) -> tuple[FloatArray, FloatArray]:
    """OpenHLM's [..., 32] body and [..., 2] hands of a [..., 34] vector; inverse of `from_openhlm`."""
    joints, grippers, root = unpack(vector)
    return np.concatenate([root, joints], axis=-1), grippers


def _checked(array: FloatArray, size: int) -> FloatArray:
    checked = np.asarray(array)
    if checked.shape[-1:] != (size,):
        raise MismatchError(f"the last axis must have {size} entries, got an array of shape {list(checked.shape)}.")
    return checked
