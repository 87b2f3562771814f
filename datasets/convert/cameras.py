"""Choice and names of cameras in a conversion: `head`, `top=head`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from hlm.core.errors import InputError, UnknownNameError
from hlm.datasets.store.naming import checked_name


def parse_cameras(words: Sequence[str]) -> dict[str, str]:
    """Parse words of a command line into new camera names by old ones; `NAME` alone keeps its name.

    Raises:
        InputError: a word without a name, or a name that is used twice.
    """
    mapping: dict[str, str] = {}
    for word in words:
        old, equals, new = word.partition("=")
        new = new if equals else old
        if not old or not new:
            raise InputError(f"'{word}' names no camera. Write NAME or OLD=NEW, e.g. top=head.")
        if old in mapping or new in mapping.values():
            raise InputError(f"'{word}' uses a camera name that is already taken; old and new names must be unique.")
        mapping[old] = checked_name("camera", new)
    return mapping


def chosen_cameras(known: Iterable[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """New names of the chosen cameras by old ones. Without a choice, all cameras keep their names.

    Raises:
        UnknownNameError: a chosen camera does not exist.
    """
    names = tuple(known)
    for old in mapping:
        if old not in names:
            raise UnknownNameError("camera", old, names)
    return dict(mapping) or {name: name for name in names}
