"""Upgrade of attributes from version 2 of the schema to version 3: pure functions on JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard


def episode_attributes_3(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Upgrade all attributes of an episode, except for the version number."""
    return info_attributes_3(renamed(attributes, {"rows": "steps", "labels": "privileged"}))


def info_attributes_3(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Upgrade the description of an episode: what version 2 kept in `extra` becomes attributes.

    Values that do not fit stay in `extra`: a scene that is not a number, candidates that contradict the instruction.
    Attributes without a valid `extra` are returned unchanged.
    """
    if not isinstance(attributes.get("extra", {}), dict):
        return dict(attributes)
    extra = dict(attributes.get("extra", {}))
    taken: dict[str, Any] = {"candidates": [], "candidate": None, "scene": None, "stages": [], "fault": ""}
    told, asked = extra.get("candidates"), extra.get("candidate")
    if (
        _are_texts(told)
        and _is_number(asked)
        and 0 <= asked < len(told)
        and told[asked] == attributes.get("instruction")
    ):
        taken |= {"candidates": extra.pop("candidates"), "candidate": extra.pop("candidate")}
    if _is_number(extra.get("scene")):
        taken["scene"] = extra.pop("scene")
    if _are_texts(extra.get("stages")):
        taken["stages"] = extra.pop("stages")
    if isinstance(trimmed := extra.get("trimmed"), dict):
        extra["trimmed"] = renamed(trimmed, {"rows_before": "steps_before", "rows_after": "steps_after"})
    if isinstance(cut := extra.get("conversion"), dict):
        extra["conversion"] = renamed(cut, {"rows": "steps"})
    described: dict[str, Any] = {}
    for name, value in attributes.items():
        if name == "extra":
            described |= taken
        described[name] = extra if name == "extra" else value
    return described if "extra" in attributes else described | taken | {"extra": extra}


def renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The same values in the same order, some under new names.

    Args:
        values: by name.
        names: new names by old ones.
    """
    return {names.get(name, name): value for name, value in values.items()}


def _are_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
