"""Messages of a Unitree G1, as its interface definitions name their members (`unitree_hg`, `unitree_api`)."""

from __future__ import annotations

import ctypes
import zlib
from ctypes import c_bool, c_char_p, c_float, c_int16, c_int32, c_int64, c_uint8, c_uint32

from hlm.robots.dds.description import Message, Octets

MOTORS = 35
"""Places for motors in a message; a G1 uses the first 29."""


class ImuState(Message):
    """An inertial unit; quaternion wxyz, rad/s, m/s^2, rad, degrees Celsius."""

    NAME = "unitree_hg::msg::dds_::IMUState_"
    _fields_ = (
        ("quaternion", c_float * 4),
        ("gyroscope", c_float * 3),
        ("accelerometer", c_float * 3),
        ("rpy", c_float * 3),
        ("temperature", c_int16),
    )


class MotorState(ctypes.Structure):
    """A motor: rad, rad/s, rad/s^2, N m, degrees Celsius of casing and winding, V; `motorstate` is its fault code."""

    _fields_ = (
        ("mode", c_uint8),
        ("q", c_float),
        ("dq", c_float),
        ("ddq", c_float),
        ("tau_est", c_float),
        ("temperature", c_int16 * 2),
        ("vol", c_float),
        ("sensor", c_uint32 * 2),
        ("motorstate", c_uint32),
        ("reserve", c_uint32 * 4),
    )


class LowState(Message):
    """What a G1 measures, 500 times a second; `tick` counts ms."""

    NAME = "unitree_hg::msg::dds_::LowState_"
    _fields_ = (
        ("version", c_uint32 * 2),
        ("mode_pr", c_uint8),
        ("mode_machine", c_uint8),
        ("tick", c_uint32),
        ("imu_state", ImuState),
        ("motor_state", MotorState * MOTORS),
        ("wireless_remote", c_uint8 * 40),
        ("reserve", c_uint32 * 4),
        ("crc", c_uint32),
    )


class MotorCommand(ctypes.Structure):
    """What a motor is to do: rad, rad/s, N m, N m/rad, N m s/rad; mode 1 is on."""

    _fields_ = (
        ("mode", c_uint8),
        ("q", c_float),
        ("dq", c_float),
        ("tau", c_float),
        ("kp", c_float),
        ("kd", c_float),
        ("reserve", c_uint32),
    )


class LowCommand(Message):
    """A command to all motors of a G1."""

    NAME = "unitree_hg::msg::dds_::LowCmd_"
    _fields_ = (
        ("mode_pr", c_uint8),
        ("mode_machine", c_uint8),
        ("motor_cmd", MotorCommand * MOTORS),
        ("reserve", c_uint32 * 4),
        ("crc", c_uint32),
    )


class RequestIdentity(ctypes.Structure):
    """Which request, and what it asks for."""

    _fields_ = (("id", c_int64), ("api_id", c_int64))


class RequestLease(ctypes.Structure):
    """On whose lease; 0 for services that need none."""

    _fields_ = (("id", c_int64),)


class RequestPolicy(ctypes.Structure):
    """How it is treated."""

    _fields_ = (("priority", c_int32), ("noreply", c_bool))


class RequestHeader(ctypes.Structure):
    """Head of a request."""

    _fields_ = (("identity", RequestIdentity), ("lease", RequestLease), ("policy", RequestPolicy))


class Request(Message):
    """A call of a service; `parameter` is JSON."""

    NAME = "unitree_api::msg::dds_::Request_"
    _fields_ = (("header", RequestHeader), ("parameter", c_char_p), ("binary", Octets))


class ResponseStatus(ctypes.Structure):
    """0 if a call succeeded."""

    _fields_ = (("code", c_int32),)


class ResponseHeader(ctypes.Structure):
    """Head of an answer."""

    _fields_ = (("identity", RequestIdentity), ("status", ResponseStatus))


class Response(Message):
    """The answer to a call; `data` is JSON."""

    NAME = "unitree_api::msg::dds_::Response_"
    _fields_ = (("header", ResponseHeader), ("data", c_char_p), ("binary", Octets))


# Bytes with their bits in the opposite order.
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def checksum(message: LowState | LowCommand) -> int:
    """What the member `crc` of a message must be: CRC-32/MPEG-2 over its other 32-bit words in memory.

    That sum takes the highest bit first, and `zlib` the lowest; so `zlib` is given mirrored bytes.
    """
    words = memoryview(message).cast("B")[: -ctypes.sizeof(c_uint32)].tobytes()
    swapped = bytearray(len(words))
    for place in range(4):
        swapped[place::4] = words[3 - place :: 4]
    mirrored = zlib.crc32(swapped.translate(_MIRRORED)) ^ 0xFFFFFFFF
    return int.from_bytes(mirrored.to_bytes(4, "little").translate(_MIRRORED), "big")
