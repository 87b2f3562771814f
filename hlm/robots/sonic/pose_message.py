"""The stream of references on SONIC's wire: topic `pose`, protocol 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError, MismatchError
from hlm.core.layout import JOINTS
from hlm.core.rotations import must_be_unit
from hlm.core.streaming import StreamFrames
from hlm.robots.gripper_messages import HANDS, POSE_TOPIC, POSE_VERSION, TOGGLES
from hlm.robots.packed_message import pack, unpack
from hlm.robots.sonic.joint_order import ISAAC_FROM_MOTOR, MOTOR_FROM_ISAAC

# SONIC reads joints of any other type as zeros, without a word.
_JOINT_TYPES = (np.dtype("<f4"), np.dtype("<f8"))
_INDEX_TYPES = (np.dtype("<i4"), np.dtype("<i8"))
_MOST_FRAMES = 64


def pack_pose(frames: StreamFrames, *, complete: bool = True) -> bytes:
    """The message of some frames; `unpack_pose` is its inverse, up to rounding to 32 bits.

    Args:
        frames: SONIC tolerates that as many messages are lost as each one repeats frames of the one before.
        complete: also what OpenHLM's recorder and gripper server read: joints in motor order and their two buttons, as
            its teleoperation sends them. Its policy client leaves them out.
    """
    position = np.asarray(frames.joint_position_rad, np.float32)
    velocity = np.asarray(frames.joint_velocity_rad_s, np.float32)
    fields: dict[str, np.ndarray[Any, Any]] = {}
    if complete:
        fields |= {"joint_pos_real": position, "joint_vel_real": velocity}
    fields |= {
        "joint_pos": position[:, MOTOR_FROM_ISAAC],
        "joint_vel": velocity[:, MOTOR_FROM_ISAAC],
        "body_quat_w": np.asarray(frames.quat_heading_from_pelvis_wxyz, np.float32),
        "frame_index": frames.index + np.arange(len(frames), dtype=np.int64),
    }
    for name, opening in zip(HANDS, frames.gripper_opening, strict=True):
        fields[name] = np.array([opening], np.float32)
    if complete:
        fields |= {name: np.zeros(1, bool) for name in TOGGLES}
    return pack(POSE_TOPIC, POSE_VERSION, fields)


def unpack_pose(message: bytes) -> StreamFrames:
    """The frames of a message, with or without the fields that are for others than SONIC.

    Raises:
        CorruptError: it is no such message, of another version, or SONIC would misread it: a field that is missing or
            of another shape or type, frames whose numbers do not go up by one, or values that are not finite.
    """
    fields = unpack(POSE_TOPIC, message, POSE_VERSION)
    index = _field(fields, "frame_index", (None,), _INDEX_TYPES)
    count = len(index)
    if not 1 <= count <= _MOST_FRAMES or np.any(np.diff(index) != 1):
        raise CorruptError(f"the numbers of the frames of a pose must go up by one, got {index[:4].tolist()}.")
    position = _field(fields, "joint_pos", (count, JOINTS), _JOINT_TYPES)
    velocity = _field(fields, "joint_vel", (count, JOINTS), _JOINT_TYPES)
    quat = _field(fields, "body_quat_w", (count, 4), _JOINT_TYPES)
    opening = np.concatenate([_field(fields, name, (1,), _JOINT_TYPES) for name in HANDS])
    for name, values in (("joint_pos_real", position), ("joint_vel_real", velocity)):
        if name in fields and not np.array_equal(
            _field(fields, name, (count, JOINTS), _JOINT_TYPES)[:, MOTOR_FROM_ISAAC], values
        ):
            raise CorruptError(f"field '{name}' of a pose says something else than the same joints in SONIC's order.")
    try:
        must_be_unit(quat, "the orientation of a pose")
    except MismatchError as error:
        raise CorruptError(str(error)) from error
    return StreamFrames(int(index[0]), position[:, ISAAC_FROM_MOTOR], velocity[:, ISAAC_FROM_MOTOR], quat, opening)


def _field(
    fields: dict[str, np.ndarray[Any, Any]], name: str, shape: tuple[int | None, ...], types: tuple[np.dtype[Any], ...]
) -> FloatArray:
    """One field, checked."""
    values = fields.get(name)
    if values is None:
        raise CorruptError(f"a pose lacks the field '{name}'; it has {', '.join(fields) or 'none'}.")
    fits = values.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, values.shape, strict=True))
    if values.dtype not in types or not fits:
        raise CorruptError(
            f"field '{name}' of a pose is {values.dtype} {list(values.shape)}; it must be "
            f"{' or '.join(map(str, types))} {['any' if size is None else size for size in shape]}."
        )
    if not np.isfinite(values).all():
        raise CorruptError(f"field '{name}' of a pose is not finite.")
    return values
