"""The 34-D whole-body vector, and the motor order of the joints in it.

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
"""The 29 joints as Unitree numbers its motors; every joint array in hlm is in this order.

`MOTOR_...` below are limbs and joints in arrays of this order; `LEFT_ARM` and so on above are those of the 34-D vector.
"""

MOTOR_LEFT_LEG = slice(0, 6)
MOTOR_RIGHT_LEG = slice(6, 12)
MOTOR_LEGS = slice(0, 12)
MOTOR_WAIST = slice(12, 15)
MOTOR_LEGS_AND_WAIST = slice(0, 15)
MOTOR_LEFT_ARM = slice(15, 22)
MOTOR_RIGHT_ARM = slice(22, 29)
MOTOR_ARMS = slice(15, 29)
MOTOR_LEFT_WRIST = slice(19, 22)
MOTOR_RIGHT_WRIST = slice(26, 29)
MOTOR_WAIST_YAW, MOTOR_WAIST_ROLL, MOTOR_WAIST_PITCH = 12, 13, 14

NAMES: tuple[str, ...] = (
    *MOTOR_ORDER[MOTOR_LEFT_ARM],
    "left_gripper",
    *MOTOR_ORDER[MOTOR_RIGHT_ARM],
    "right_gripper",
    *MOTOR_ORDER[MOTOR_LEFT_LEG],
    *MOTOR_ORDER[MOTOR_RIGHT_LEG],
    *MOTOR_ORDER[MOTOR_WAIST],
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


def _checked(array: FloatArray, size: int) -> FloatArray:
    checked = np.asarray(array)
    if checked.shape[-1:] != (size,):
        raise MismatchError(f"the last axis must have {size} entries, got an array of shape {list(checked.shape)}.")
    return checked
