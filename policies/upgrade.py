"""Documents of older checkpoints in today's terms. Format 2 is the only older format that is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hlm.policies.catalog import POLICY_TYPES, find_policy_config

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
_CHECKPOINT = {"settings": "policy_config"}
_ENCODING = {"near": "small_ranges"}
_SMALL_RANGES = {"still": "hold", "exact": "keep"}
_SAMPLING = {"execute": "execution_horizon"}
_STATE = {"average": "ema"}


def upgrade_config(document: Mapping[str, Any], version: int) -> dict[str, Any]:
    """The document of a `CheckpointConfig` in format `version`, of one in format 2; neither is changed."""
    upgraded = _renamed(document, _CHECKPOINT) | {"format": version}
    policy = document.get("policy")
    if isinstance(policy, str) and policy in POLICY_TYPES:
        _apply(upgraded, "policy_config", find_policy_config(policy).former_names)
    _apply(upgraded, "sampling", _SAMPLING)
    _apply(upgraded, "encoding", _ENCODING)
    if isinstance(encoding := upgraded.get("encoding"), dict) and isinstance(
        choice := encoding.get("small_ranges"), str
    ):
        encoding["small_ranges"] = _SMALL_RANGES.get(choice, choice)
    if isinstance(upgraded.get("training"), Mapping):
        upgraded["training"] = upgrade_training(upgraded["training"])
    return upgraded


def upgrade_training(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a `TrainConfig`, of one in format 2."""
    upgraded = _renamed(document, RENAMED)
    for policy in POLICY_TYPES.keys() & upgraded.keys():
        _apply(upgraded, policy, find_policy_config(policy).former_names)
    return upgraded


def upgrade_state(document: Mapping[str, Any]) -> dict[str, Any]:
    """The content of `training.pt`, of one in format 2."""
    return _renamed(document, _STATE)


def _apply(document: dict[str, Any], key: str, names: Mapping[str, str]) -> None:
    if isinstance(document.get(key), Mapping):
        document[key] = _renamed(document[key], names)


def _renamed(document: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): value for name, value in document.items()}
