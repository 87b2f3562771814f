"""Dataclasses as documents: the mappings, lists, numbers and texts that YAML and JSON hold, checked when read back."""

from __future__ import annotations

import reprlib
import types
import typing
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

from hlm.core.errors import InputError, UnknownNameError

# Where one of these is wanted, a single text stands for a list of one, as on the command line.
_LISTS_OF_TEXTS = (tuple[str, ...], tuple[Path, ...])
# Of a few aliases, a YAML file can make lists of any size.
_SHORT = reprlib.Repr(maxlevel=1, maxstring=100, maxother=100)
_SCALARS = {bool: "true or false", int: "an integer", float: "a number", str: "a text", Path: "a path"}


def to_document(value: Any) -> Any:
    """Convert a dataclass to mappings, lists, numbers and texts; paths become texts, nested dataclasses mappings."""
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: to_document(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_document(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [to_document(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def from_document[T](cls: type[T], document: Any, name: str = "document") -> T:
    """Build a dataclass from a document; undoes `to_document`.

    Args:
        cls: the dataclass. Its fields may be booleans, numbers, texts, paths, `Literal`, tuples, mappings, dataclasses,
            and any of them or None.
        document: mapping of field names to values; fields with a default may be absent.
        name: what to call the document in errors.

    Raises:
        InputError: a field is missing, or has a value of the wrong type.
        UnknownNameError: the dataclass has no such field.
    """
    if not isinstance(document, Mapping):
        raise InputError(f"{name} must be a mapping, got {type(document).__name__}.")
    hints = typing.get_type_hints(cls)
    known = {item.name: item for item in fields(cls)}  # type: ignore[arg-type]
    values = {}
    for key, value in document.items():
        if key not in known:
            raise UnknownNameError(f"field of {name}", str(key), known)
        values[key] = _convert(hints[key], value, f"{name}.{key}")
    for key, item in known.items():
        if key not in values and item.default is MISSING and item.default_factory is MISSING:
            raise InputError(f"{name} lacks '{key}'.")
    return cls(**values)


def _convert(hint: Any, value: Any, name: str) -> Any:
    """Convert a value of a document to a field's type."""
    hint = _plain(hint)
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        if value is None and type(None) in typing.get_args(hint):
            return None
        (hint,) = (_plain(option) for option in typing.get_args(hint) if option is not type(None))
    if is_dataclass(hint) and isinstance(hint, type):
        return value if isinstance(value, hint) else from_document(hint, value, name)
    origin = typing.get_origin(hint)
    if origin is tuple and isinstance(value, list):
        return _convert_tuple(typing.get_args(hint), value, name)
    if hint in _LISTS_OF_TEXTS and isinstance(value, str):
        return _convert_tuple(typing.get_args(hint), [value], name)
    if origin is Mapping and isinstance(value, Mapping):
        _, item = typing.get_args(hint)
        return {str(key): _convert(item, inside, f"{name}.{key}") for key, inside in value.items()}
    return _convert_scalar(hint, value, name)


def _plain(hint: Any) -> Any:
    """What a `type` statement stands for."""
    return hint.__value__ if isinstance(hint, typing.TypeAliasType) else hint


def _convert_scalar(hint: Any, value: Any, name: str) -> Any:
    if typing.get_origin(hint) is typing.Literal and value in typing.get_args(hint):
        return value
    if hint is Path and isinstance(value, str) and "\0" not in value:
        return Path(value)
    if hint is float and type(value) in (int, float):
        with suppress(OverflowError):  # an integer beyond all floats
            return float(value)
    if hint is Any or (hint in (bool, int, str) and type(value) is hint):
        return value
    raise InputError(f"{name} must be {_described(hint)}, got {_SHORT.repr(value)}.")


def _convert_tuple(hints: tuple[Any, ...], values: list[Any], name: str) -> tuple[Any, ...]:
    if len(hints) == 2 and hints[1] is Ellipsis:
        hints = (hints[0],) * len(values)
    if len(hints) != len(values):
        raise InputError(f"{name} must have {len(hints)} entries, got {len(values)}.")
    entries = enumerate(zip(hints, values, strict=True))
    return tuple(_convert(hint, value, f"{name}[{index}]") for index, (hint, value) in entries)


def _described(hint: Any) -> str:
    """A type in words."""
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return " or ".join(map(repr, typing.get_args(hint)))
    return {tuple: "a list", Mapping: "a mapping"}.get(origin) or _SCALARS.get(hint, str(hint))
