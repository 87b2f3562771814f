"""Frozen dataclasses as plain documents of lists, mappings, numbers and text, checked on the way back."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

from hlm.core.errors import InputError, UnknownNameError


def to_document(value: Any) -> Any:
    """What YAML and JSON can hold of a dataclass of numbers, text, paths, tuples and other such dataclasses."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_document(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_document(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_document(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def from_document[T](kind: type[T], document: Any, name: str = "document") -> T:
    """The dataclass that `to_document` made the document of.

    Args:
        kind: the dataclass.
        document: what was read.
        name: what to call it in errors.

    Raises:
        InputError: a field is missing or of another type.
        UnknownNameError: a field that the dataclass does not have.
    """
    if not isinstance(document, Mapping):
        raise InputError(f"{name} must be a mapping, got {type(document).__name__}.")
    types_of = typing.get_type_hints(kind)
    known = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]
    values = {}
    for key, value in document.items():
        if key not in known:
            raise UnknownNameError(f"field of {name}", str(key), known)
        values[key] = _convert(types_of[key], value, f"{name}.{key}")
    for key, item in known.items():
        if key not in values and item.default is MISSING and item.default_factory is MISSING:
            raise InputError(f"{name} lacks '{key}'.")
    return kind(**values)


def _convert(kind: Any, value: Any, name: str) -> Any:
    """`value` as the annotated type `kind`."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        if value is None and type(None) in typing.get_args(kind):
            return None
        (kind,) = (option for option in typing.get_args(kind) if option is not type(None))
    if is_dataclass(kind) and isinstance(kind, type):
        return value if isinstance(value, kind) else from_document(kind, value, name)
    if typing.get_origin(kind) is tuple and isinstance(value, list):
        return _convert_tuple(typing.get_args(kind), value, name)
    if typing.get_origin(kind) is typing.Literal and value in typing.get_args(kind):
        return value
    if typing.get_origin(kind) is Mapping and isinstance(value, Mapping):
        return dict(value)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind is float and type(value) in (int, float):
        return float(value)
    if kind in (bool, int, str) and type(value) is kind:
        return value
    raise InputError(f"{name} cannot be {value!r}.")


def _convert_tuple(kinds: tuple[Any, ...], values: list[Any], name: str) -> tuple[Any, ...]:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(values)
    if len(kinds) != len(values):
        raise InputError(f"{name} must have {len(kinds)} entries, got {len(values)}.")
    return tuple(
        _convert(kind, value, f"{name}[{i}]") for i, (kind, value) in enumerate(zip(kinds, values, strict=True))
    )
