"""What OpenHLM's gripper server says and hears: a map with the openings, and the hands' part of the pose stream."""

from __future__ import annotations

from typing import Any

import msgpack
import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError
from hlm.core.layout import JOINTS
from hlm.robots.packed_message import pack, unpack

POSE_TOPIC, POSE_VERSION = "pose", 1
HANDS = ("action_hand_left", "action_hand_right")
TOGGLES = ("toggle_data_collection", "toggle_data_abort")
"""Fields of the pose stream: the wanted openings, and the two buttons of OpenHLM's recorder."""
_STATES = ("state_hand_left", "state_hand_right")


def pack_state(opening: FloatArray) -> bytes:
    """The map of the measured openings [2]; `unpack_state` is its inverse."""
    message: bytes = msgpack.packb(dict(zip(_STATES, map(float, opening), strict=True)))
    return message


def unpack_state(message: bytes) -> FloatArray:
    """[2] measured openings, left and right, within 0 and 1; each stands there as a number or as a list of one.

    Raises:
        CorruptError: it is no such map, or an opening is not a number.
    """
    try:
        content: Any = msgpack.unpackb(message)
        opening = np.array([np.asarray(content[name], dtype=np.float64).reshape(1)[0] for name in _STATES])
    except (ValueError, TypeError, KeyError, IndexError, RecursionError, msgpack.UnpackException) as error:
        raise CorruptError(f"a message of the gripper server has no openings: {error}.") from error
    if not np.isfinite(opening).all():
        raise CorruptError(f"the gripper server measures openings that are not numbers: {opening.tolist()}.")
    return np.clip(opening, 0.0, 1.0)


def pack_action(opening: FloatArray, joint_position_rad: FloatArray, joint_velocity_rad_s: FloatArray) -> bytes:
    """The message of the pose stream that moves the grippers; `unpack_action` reads the openings back.

    Args:
        opening: [2] left, right.
        joint_position_rad: [29] motor order; OpenHLM's gripper server refuses messages without it.
        joint_velocity_rad_s: [29] motor order.
    """
    fields = {
        "joint_pos_real": np.asarray(joint_position_rad, np.float32).reshape(1, JOINTS),
        "joint_vel_real": np.asarray(joint_velocity_rad_s, np.float32).reshape(1, JOINTS),
        **{name: np.array([value], np.float32) for name, value in zip(HANDS, opening, strict=True)},
        **{name: np.zeros(1, bool) for name in TOGGLES},
    }
    return pack(POSE_TOPIC, POSE_VERSION, fields)


def unpack_action(message: bytes) -> FloatArray:
    """[2] wanted openings, left and right, in a message of the pose stream, within 0 and 1.

    Raises:
        CorruptError: it is no such message, or an opening is missing or not a number.
    """
    fields = unpack(POSE_TOPIC, message)
    if missing := [name for name in HANDS if name not in fields or fields[name].size != 1]:
        raise CorruptError(f"a message of the pose stream lacks {', '.join(missing)}.")
    opening = np.array([float(fields[name].reshape(1)[0]) for name in HANDS])
    if not np.isfinite(opening).all():
        raise CorruptError(f"a message of the pose stream asks for openings that are not numbers: {opening.tolist()}.")
    return np.clip(opening, 0.0, 1.0)
