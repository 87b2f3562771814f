"""A page's message about one frame of a headset."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from hlm.core.errors import CorruptError
from hlm.teleop.devices.headset.sample import HandSample, HeadsetSample
from hlm.teleop.devices.headset.webxr_axes import pose_from_webxr
from hlm.teleop.web.numbers import finite_number

# Distances of thumb and index finger at which a bare hand is open, and closed.
_OPEN_M, _CLOSED_M = 0.08, 0.015
# Order of buttons and axes of an `xr-standard` gamepad (WebXR Gamepads Module).
_TRIGGER, _SQUEEZE = 0, 1
_NAMES = {3: "stick", 4: "primary", 5: "secondary"}
_STICK = slice(2, 4)
_MAX_JOINTS = 128


def stamp_of(content: Mapping[str, Any]) -> int:
    """The frame's instant on the headset's clock, ns.

    Raises:
        CorruptError: it is no number.
    """
    return round(_number(content.get("stamp_ms")) * 1e6)


def sample_from_message(content: Mapping[str, Any], stamp_ns: int) -> HeadsetSample:
    """The sample of a message.

    Args:
        content: `head`, `left`, `right` and `joints`; each may be null or missing.
        stamp_ns: its instant on our clock.

    Raises:
        CorruptError: something in it is not what it should be.
    """
    joints = content.get("joints") or {}
    if not isinstance(joints, dict) or len(joints) > _MAX_JOINTS:
        raise CorruptError("a headset's joints must be poses by name.")
    return HeadsetSample(
        stamp_ns=stamp_ns,
        pose_world_from_head=_unless_missing(content.get("head"), pose_from_webxr),
        hands=(_unless_missing(content.get("left"), _hand), _unless_missing(content.get("right"), _hand)),
        joints={name: pose_from_webxr(pose) for name, pose in joints.items()},
    )


def _unless_missing[T](value: object, read: Callable[[object], T]) -> T | None:
    return None if value is None else read(value)


def _hand(value: object) -> HandSample:
    if not isinstance(value, dict):
        raise CorruptError("a headset's hand must be an object.")
    pose = pose_from_webxr(value.get("wrist"))
    if "pinch_m" in value:
        pinch = (_OPEN_M - _number(value["pinch_m"])) / (_OPEN_M - _CLOSED_M)
        return HandSample(pose_world_from_wrist=pose, bare=True, trigger=float(np.clip(pinch, 0.0, 1.0)))
    buttons, axes = _numbers(value.get("buttons")), _numbers(value.get("axes"))
    right, back = axes[_STICK] if len(axes) >= _STICK.stop else (0.0, 0.0)
    return HandSample(
        pose_world_from_wrist=pose,
        trigger=buttons[_TRIGGER] if len(buttons) > _TRIGGER else 0.0,
        squeeze=buttons[_SQUEEZE] if len(buttons) > _SQUEEZE else 0.0,
        stick=np.array([right, -back]),
        pressed=frozenset(name for index, name in _NAMES.items() if index < len(buttons) and buttons[index] > 0.5),
    )


def _numbers(values: object) -> list[float]:
    if not isinstance(values, list):
        raise CorruptError("a controller's buttons and axes must be lists of numbers.")
    return [_number(value) for value in values]


def _number(value: object) -> float:
    number = finite_number(value)
    if number is None:
        raise CorruptError(f"a headset sent {str(value)[:80]} instead of a number.")
    return number
