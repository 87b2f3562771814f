"""Which cameras a conversion takes, and what they are called afterwards: `head`, `top=head`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hlm.core.errors import InputError, UnknownNameError
from hlm.datasets.store.naming import checked_name


def parse_cameras(words: Sequence[str]) -> dict[str, str]:
    """New names by old ones that some words of a command line ask for; `NAME` alone keeps its name.

    Raises:
        InputError: a word without names, or two cameras that get the same one.
    """
    mapping: dict[str, str] = {}
    for word in words:
        old, equals, new = word.partition("=")
        new = new if equals else old
        if not old or not new:
            raise InputError(f"'{word}' names no camera. Write NAME, or OLD=NEW, e.g. top=head.")
        if old in mapping or new in mapping.values():
            raise InputError(f"'{word}' names a camera twice; each has one name before and one after.")
        mapping[old] = checked_name("camera", new)
    return mapping


def chosen_cameras(known: Iterable[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """New names by old ones: what was asked for, or all with the names that they have.

    Raises:
        UnknownNameError: a camera that is not there.
    """
    names = tuple(known)
    for old in mapping:
        if old not in names:
            raise UnknownNameError("camera", old, names)
    return dict(mapping) or {name: name for name in names}
