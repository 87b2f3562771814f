"""Names of files, folders and arrays in a dataset."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from hlm.core.errors import InputError

METADATA = "zarr.json"
PARTIAL = ".partial"
# Folder of an episode's privileged quantities.
PRIVILEGED = "privileged"

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_EPISODE = re.compile(r"episode_(\d{6,})")


def array_names(inputs: Iterable[str], privileged: Iterable[str]) -> list[str]:
    """Names of all arrays of an episode except its images.

    Args:
        inputs: names of the inputs whose ages are recorded.
        privileged: names of the privileged quantities.
    """
    ages = (f"age_{name}_s" for name in inputs)
    return ["stamp_ns", "state", "action", *ages, *(f"{PRIVILEGED}/{name}" for name in privileged)]


def is_name(name: object) -> bool:
    """Whether `name` can be part of an array's name: lower-case letters, digits and _, starting with a letter."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


def checked_name(kind: str, name: str) -> str:
    """`name`, after checking that it can be part of an array's name.

    Args:
        kind: what is named, for the error.
        name: the name.

    Raises:
        InputError: it cannot be part of an array's name.
    """
    if not is_name(name):
        raise InputError(f"{kind} name {name!r} must be lower-case letters, digits and _, starting with a letter.")
    return name


def is_episode_folder(name: str) -> bool:
    """Whether a folder of this name is an episode, complete or partial."""
    return _EPISODE.fullmatch(name.removesuffix(PARTIAL)) is not None


def episode_folder(number: int, *, partial: bool = False) -> str:
    """Folder name of episode `number`."""
    return f"episode_{number:06d}{PARTIAL if partial else ''}"


def numbered_episodes(dataset: Path, *, partial: bool) -> list[tuple[int, Path]]:
    """Number and folder of each complete episode, or else of each partial one, sorted by number."""
    found = []
    for folder in dataset.iterdir():
        match = _EPISODE.fullmatch(folder.name.removesuffix(PARTIAL))
        # The name must be the number's only one: `episode_0000001` would be a second episode 1.
        if match and folder.name == episode_folder(int(match[1]), partial=partial) and folder.is_dir():
            found.append((int(match[1]), folder))
    return sorted(found)
