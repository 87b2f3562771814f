"""Names of the entries of a request, as the clients of hlm, OpenHLM and openpi write them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hlm.core.errors import InputError

STATE, PROMPT, STAMP, SEED, CHUNKS = "observation/state", "prompt", "stamp_ns", "seed", "chunks"
IMAGE = "observation/images/"
PREFIX, DELAY, EXECUTE = "rtc/action_prefix", "rtc/inference_delay", "rtc/execution_horizon"
OPENHLM_CAMERAS = {
    "observation/head_image_left": "head",
    "observation/left_wrist_image": "left_wrist",
    "observation/right_wrist_image": "right_wrist",
}
OPENHLM_LAST_ACTION = "observation/last_action"
# openpi names entries by robot: these are those of its examples, with one camera that looks at the scene.
OPENPI_STATE = "state"
OPENPI_WRIST = "observation/wrist_image"
OPENPI_CAMERAS = {
    "observation/image": "head",
    "images/cam_high": "head",
    "images/cam_left_wrist": "left_wrist",
    "images/cam_right_wrist": "right_wrist",
    "images/head": "head",
    "images/left_wrist": "left_wrist",
    "images/right_wrist": "right_wrist",
}
FOREIGN_CAMERAS = OPENHLM_CAMERAS | OPENPI_CAMERAS
KEYS = (
    *(STATE, PROMPT, STAMP, SEED, CHUNKS, f"{IMAGE}CAMERA", PREFIX, DELAY, EXECUTE),
    *(*OPENHLM_CAMERAS, OPENHLM_LAST_ACTION, OPENPI_STATE, OPENPI_WRIST, *OPENPI_CAMERAS),
)

_WRISTS = ("left_wrist", "right_wrist")


def flat(message: Mapping[str, Any]) -> dict[str, Any]:
    """The map with the entries of inner maps at the top: `{"images": {"cam_high": ...}}` has `images/cam_high`.

    Raises:
        InputError: an entry occurs twice.
    """
    entries: dict[str, Any] = {}
    for key, value in message.items():
        inner = (
            {f"{key}/{name}": item for name, item in flat(value).items()} if isinstance(value, dict) else {key: value}
        )
        if twice := entries.keys() & inner.keys():
            raise InputError(f"the request has '{min(twice)[:80]}' twice.")
        entries |= inner
    return entries


def camera_of(key: str, cameras: Collection[str]) -> str | None:
    """Which camera an entry is from; None for an entry that is no image.

    Args:
        key: name of the entry.
        cameras: of the policy.

    Raises:
        InputError: `observation/wrist_image`, for a policy with both wrists.
    """
    if key.startswith(IMAGE):
        return key.removeprefix(IMAGE)
    if key != OPENPI_WRIST:
        return FOREIGN_CAMERAS.get(key)
    wrists = [name for name in _WRISTS if name in cameras]
    if len(wrists) > 1:
        raise InputError(f"'{key}' may be either wrist: send '{IMAGE}left_wrist' and '{IMAGE}right_wrist'.")
    return wrists[0] if wrists else _WRISTS[-1]
