"""The class of each kind's settings. Imports no torch, so that the command line can list them."""

from __future__ import annotations

from typing import Any

from hlm.core.errors import UnknownNameError
from hlm.policies.compact.config import CompactConfig
from hlm.policies.lerobot.settings import ActSettings, SmolVLASettings
from hlm.policies.pi05.settings import Pi05Settings

SETTINGS: dict[str, type[Any]] = {
    "compact": CompactConfig,
    "pi05": Pi05Settings,
    "smolvla": SmolVLASettings,
    "act": ActSettings,
}


def settings_class(kind: str) -> type[Any]:
    """The class of a kind's settings.

    Raises:
        UnknownNameError: there is no such kind.
    """
    if kind not in SETTINGS:
        raise UnknownNameError("policy type", kind, SETTINGS)
    return SETTINGS[kind]
