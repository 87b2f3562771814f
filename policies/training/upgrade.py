"""Runs that an older hlm started, in today's terms: the documents of checkpoints of format 2."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RENAMED = {
    "batch": "batch_size",
    "execute": "execution_horizon",
    "last_rate": "final_learning_rate_ratio",
    "gradient_norm": "max_grad_norm",
    "average_decay": "ema_decay",
    "validation": "validation_fraction",
    "save_minutes": "save_every_minutes",
}
"""Fields of `TrainConfig` by their names in format 2."""
_COMPACT = {"network": "architecture", "recipe": "objective"}
_STATE = {"average": "ema"}


def upgrade_training(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a `TrainConfig`, of one in format 2."""
    upgraded = _renamed(document, RENAMED)
    if isinstance(upgraded.get("compact"), Mapping):
        upgraded["compact"] = upgrade_compact(upgraded["compact"])
    return upgraded


def upgrade_compact(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a `CompactConfig`, of one in format 2."""
    return _renamed(document, _COMPACT)


def upgrade_state(document: Mapping[str, Any]) -> dict[str, Any]:
    """What `training.pt` holds, of what it held in format 2."""
    return _renamed(document, _STATE)


def _renamed(document: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in document.items()}
