"""Content of a dataset before an edit, unreadable episodes included."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hlm.core.errors import CorruptError, HlmError, InputError
from hlm.core.files import storage_errors
from hlm.datasets.reader import Episode, read_spec
from hlm.datasets.schema import DatasetSpec, EpisodeInfo
from hlm.datasets.selection import parse_selection
from hlm.datasets.store.attributes import group_attributes
from hlm.datasets.store.lock import FolderLock
from hlm.datasets.store.naming import numbered_episodes


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Content:
    """A dataset before an edit.

    Attributes:
        path: folder of the dataset.
        spec: specification of the dataset.
        attributes: all attributes of the dataset, including those that `spec` was read from.
        folders: folder of each episode, by number.
        episodes: episodes that can be read, by number.
        damage: for each other episode, why it cannot be read, by number.
    """

    path: Path
    spec: DatasetSpec
    attributes: Mapping[str, Any]
    folders: Mapping[int, Path]
    episodes: Mapping[int, Episode]
    damage: Mapping[int, str]

    def choose(self, selection: Iterable[str]) -> list[int]:
        """Numbers of the episodes that a selection means, ascending; see `hlm.datasets.selection`.

        Raises:
            InputError: an episode does not exist, or none fits.
            CorruptError: there is a condition on an episode that cannot be read.
        """
        infos: dict[int, EpisodeInfo | None] = {
            number: self.episodes[number].info if number in self.episodes else None for number in self.folders
        }
        return parse_selection(tuple(selection)).choose(infos, self.path)

    def readable(self, numbers: Iterable[int]) -> list[Episode]:
        """Episodes by number.

        Raises:
            CorruptError: one of them cannot be read.
        """
        wanted = list(numbers)
        for number in wanted:
            if number in self.damage:
                raise CorruptError(
                    f"episode {number} of {self.path} cannot be read: {self.damage[number].rstrip('.')}. "
                    f"`hlm data delete {self.path} {number}` removes it."
                )
        return [self.episodes[number] for number in wanted]


@contextmanager
def editing(path: Path | str) -> Iterator[Content]:
    """Hold the lock of a dataset and read its content.

    Raises:
        MissingFileError: there is no dataset at `path`.
        LockedError: another process is writing the dataset.
        InputError: the dataset has no episodes, or unfinished ones.
    """
    path = Path(path)
    read_spec(path)
    with FolderLock(path):
        yield read_content(path)


@contextmanager
def copying(path: Path | str) -> Iterator[Content]:
    """The same for a dataset that is only read. A dataset without write permission is not locked.

    Raises:
        MissingFileError: there is no dataset at `path`.
        LockedError: another process is writing the dataset.
        InputError: the dataset has no episodes, or unfinished ones.
    """
    path = Path(path)
    read_spec(path)
    if os.access(path, os.W_OK):
        with FolderLock(path):
            yield read_content(path)
    else:
        yield read_content(path)


def read_content(path: Path) -> Content:
    """Read the content of a dataset.

    Raises:
        InputError: the dataset has no episodes, or unfinished ones.
        CorruptError: its attributes cannot be read.
    """
    spec = read_spec(path)
    with storage_errors("read", path):
        partial = numbered_episodes(path, partial=True)
        complete = numbered_episodes(path, partial=False)
    if partial:
        raise InputError(
            f"{path} has {len(partial)} unfinished episode{'s' * (len(partial) > 1)}; "
            f"run `hlm data recover {path}` first."
        )
    if not complete:
        raise InputError(f"{path} has no episodes. Record some first.")
    episodes, damage = {}, {}
    for number, folder in complete:
        try:
            episodes[number] = Episode(folder, number)
        except HlmError as error:
            damage[number] = str(error)
    return Content(
        path=path,
        spec=spec,
        attributes=group_attributes(path),
        folders=dict(complete),
        episodes=episodes,
        damage=damage,
    )
