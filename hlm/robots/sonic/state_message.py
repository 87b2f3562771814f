"""What SONIC says about the robot, 50 times a second: topic `g1_debug`, a msgpack map."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgpack
import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError
from hlm.core.layout import JOINTS
from hlm.core.values import RobotState

TOPIC = "g1_debug"
_LARGEST_BYTES = 1 << 16
# SONIC's quaternions are rounded; what is further from length 1 is no orientation.
_LENGTH_TOLERANCE = 0.01
_TEMPERATURES = 2  # of each motor


class SonicState(NamedTuple):
    """One message.

    Attributes:
        step: goes up by one with each control step of SONIC.
        robot: the measurement in it.
        quat_heading_start_wxyz: [4] measured when the stream's heading was last started; not numbers where SONIC says
            none.
    """

    step: int
    robot: RobotState
    quat_heading_start_wxyz: FloatArray


def unpack_state(message: bytes, stamp_ns: int, gripper_opening: FloatArray) -> SonicState:
    """The measurement in a message. It has no stamp on our clock, and nothing of two-finger grippers.

    SONIC lists two temperatures for each motor, one motor after the other as far as is known; the hotter one counts.

    Args:
        message: as it came.
        stamp_ns: when it came.
        gripper_opening: [2] measured by the grippers themselves.

    Raises:
        CorruptError: it is no such message, or a number in it is not one.
    """
    topic = TOPIC.encode()
    if not message.startswith(topic) or len(message) > _LARGEST_BYTES:
        raise CorruptError(f"a message of {len(message)} bytes is not one of the topic '{TOPIC}'.")
    try:
        content: Any = msgpack.unpackb(message[len(topic) :])
        index = content["index"]
        if not isinstance(index, int) or isinstance(index, bool):
            raise TypeError(f"index {index!r}")
        quat = _numbers(content, "base_quat_measured", 4)
        length = float(np.linalg.norm(quat))
        if not abs(length - 1.0) < _LENGTH_TOLERANCE:
            raise ValueError(f"base_quat_measured has length {length:g}")
        robot = RobotState(
            stamp_ns,
            _numbers(content, "body_q_measured", JOINTS),
            _numbers(content, "body_dq", JOINTS),
            quat / length,
            _numbers(content, "base_ang_vel", 3),
            gripper_opening,
            _temperatures(content),
        )
        heading_start: FloatArray = np.full(4, np.nan)
        if "init_base_quat" in content:
            heading_start = _numbers(content, "init_base_quat", 4)
    except (ValueError, TypeError, KeyError, RecursionError, msgpack.UnpackException) as error:
        raise CorruptError(f"a message of the topic '{TOPIC}' cannot be read: {error}.") from error
    return SonicState(index, robot, heading_start)


def _numbers(content: dict[str, Any], name: str, size: int) -> FloatArray:
    values = np.asarray(content[name], dtype=np.float64)
    if values.shape != (size,) or not np.isfinite(values).all():
        raise ValueError(f"{name} must be {size} finite numbers")
    return values


def _temperatures(content: dict[str, Any]) -> FloatArray:
    """[29] higher temperature of each motor, degrees C; not numbers where SONIC does not say."""
    if "motor_temperature" not in content:
        return np.full(JOINTS, np.nan)
    celsius = _numbers(content, "motor_temperature", _TEMPERATURES * JOINTS).reshape(JOINTS, _TEMPERATURES)
    hottest: FloatArray = celsius.max(axis=1)
    return hottest
