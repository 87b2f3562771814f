"""Options that do nothing beside others: they are refused instead of ignored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import Field, fields
from typing import Any, ClassVar, NamedTuple, Protocol

from hlm.core.errors import InputError


class Arguments(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


class Use(NamedTuple):
    """What options are for.

    Attributes:
        options: names of the fields.
        here: whether they do something beside the other options.
        needs: what they do something with, in words.
    """

    options: tuple[str, ...]
    here: bool
    needs: str


def given(arguments: Arguments, names: Iterable[str]) -> list[str]:
    """Those of the options that are not at their defaults."""
    defaults = {one.name: one.default for one in fields(arguments)}
    return [name for name in names if getattr(arguments, name) != defaults[name]]


def must_be_of_use(arguments: Arguments, uses: Iterable[Use]) -> None:
    """Check that each option that was given does something.

    Raises:
        InputError: one does nothing; the text says what it needs.
    """
    for use in uses:
        if not use.here and (useless := given(arguments, use.options)):
            raise InputError(f"--{useless[0].replace('_', '-')} does nothing here: it goes with {use.needs}.")
