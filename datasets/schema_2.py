"""Upgrade of attributes from version 2 of the schema to version 3: pure functions on JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

# Names of attributes of an episode that came with version 3.
_NEW_IN_3 = ("steps", "privileged", "candidates", "candidate", "scene", "stages", "fault")


def episode_attributes_3(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Upgrade all attributes of an episode, except for the version number."""
    return renamed(info_attributes_3(attributes), {"rows": "steps", "labels": "privileged"})


def info_attributes_3(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Upgrade the description of an episode: what version 2 kept in `extra` becomes attributes.

    Values that do not fit stay in `extra`: a scene that is not a number, candidates that contradict the instruction.
    Attributes that others added under a name that version 3 uses move into `extra`. Attributes without a valid `extra`
    are returned unchanged.

    Raises:
        ValueError: an attribute would have to move into `extra`, which has one of that name.
    """
    if not isinstance(attributes.get("extra", {}), dict):
        return dict(attributes)
    fields, extra = _fields_3(attributes.get("extra", {}), attributes.get("instruction"))
    for name in (name for name in _NEW_IN_3 if name in attributes):
        if name in extra:
            raise ValueError(f"'{name}' is both an attribute and in 'extra'")
        extra[name] = attributes[name]
    described: dict[str, Any] = {}
    for name, value in attributes.items():
        if name == "extra":
            described |= fields | {"extra": extra}
        elif name not in _NEW_IN_3:
            described[name] = value
    return described if "extra" in attributes else described | fields | {"extra": extra}


def _fields_3(extra: Mapping[str, Any], instruction: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """The attributes of version 3 that version 2 kept in `extra`, and what remains in it."""
    extra = dict(extra)
    fields: dict[str, Any] = {"candidates": [], "candidate": None, "scene": None, "stages": [], "fault": ""}
    candidates, candidate = extra.get("candidates"), extra.get("candidate")
    if (
        _are_texts(candidates)
        and _is_number(candidate)
        and 0 <= candidate < len(candidates)
        and candidates[candidate] == instruction
    ):
        fields |= {"candidates": extra.pop("candidates"), "candidate": extra.pop("candidate")}
    if _is_number(extra.get("scene")):
        fields["scene"] = extra.pop("scene")
    if _are_texts(extra.get("stages")):
        fields["stages"] = extra.pop("stages")
    if isinstance(trimmed := extra.get("trimmed"), dict):
        extra["trimmed"] = renamed(trimmed, {"rows_before": "steps_before", "rows_after": "steps_after"})
    if isinstance(cut := extra.get("conversion"), dict):
        extra["conversion"] = renamed(cut, {"rows": "steps"})
    return fields, extra


def renamed(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The same values in the same order, some under new names.

    Args:
        values: by name.
        names: new names by old ones.

    Raises:
        ValueError: two values would get the same name.
    """
    for old, new in names.items():
        if old in values and new in values:
            raise ValueError(f"both '{old}' and '{new}', its new name, are there")
    return {names.get(name, name): value for name, value in values.items()}


def _are_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_number(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
