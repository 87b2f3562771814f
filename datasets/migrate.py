"""Migration of a dataset to the current schema: version by version on a copy, which then takes its place at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hlm.core.errors import CorruptError, MismatchError
from hlm.core.files import storage_errors, sync_folder
from hlm.core.serialization import read_json
from hlm.datasets.reader import Episode, read_attributes, read_spec
from hlm.datasets.schema import EpisodeInfo
from hlm.datasets.store.attributes import check_attributes, group_attributes
from hlm.datasets.store.cloning import clone, link
from hlm.datasets.store.journal import HEADER_FILE, Header
from hlm.datasets.store.lock import LOCK_FILE, FolderLock
from hlm.datasets.store.naming import METADATA, PARTIAL, numbered_episodes
from hlm.datasets.store.swap import finish_swap, swap
from hlm.datasets.store.version import SCHEMA_VERSION, check_version, version_in
from hlm.datasets.upgrades import UPGRADES, is_intact, stamp

# Stands for the dataset's own folder among the names of its episodes' folders.
_DATASET = "."


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """Outcome of a migration.

    Attributes:
        found: oldest version of the schema that the dataset or one of its episodes had.
        changes: summary of each change; empty if everything already had the current version.
        episodes: number of episodes, finished or not.
    """

    found: int
    changes: tuple[str, ...]
    episodes: int


def migrate(path: Path | str, *, dry_run: bool = False) -> Migration:
    """Upgrade a dataset, and each of its episodes from its own version, to the current schema.

    A process that is killed at any moment leaves the old dataset or the new one. Files that stay the same are not
    copied.

    Args:
        path: folder of the dataset.
        dry_run: do everything and check the result, but leave the dataset as it is.

    Raises:
        MissingFileError: there is no dataset at `path`.
        MismatchError: the dataset or an episode has a newer version, or one too old to be migrated; or an episode that
            is to be changed is a link, or holds one.
        LockedError: another process is writing the dataset.
        CorruptError: the dataset cannot be read.
        StorageError: the disk refused.
    """
    path = Path(path)
    finish_swap(path)
    found = min(_versions(path).values())
    if found == SCHEMA_VERSION:
        _tidy_up(path)
    else:
        with FolderLock(path):
            versions = _versions(path)
            if min(versions.values()) != found:
                raise MismatchError(f"{path} was just migrated by another process. Nothing is left to do.")
            _refuse_links(path, versions)
            damaged = _damaged(path, versions)
            with storage_errors("migrate", path), _copy(path.resolve()) as copy:
                for name, version in versions.items():
                    with _named_as_in(path, name, copy):
                        _upgrade(copy / name, version, is_dataset=name == _DATASET)
                _check(path, copy, damaged)
                if not dry_run:
                    for folder, _, _ in os.walk(copy):
                        sync_folder(Path(folder))
                    swap(path.resolve(), copy)
    changes = tuple(UPGRADES[version].summary for version in range(found, SCHEMA_VERSION))
    return Migration(found=found, changes=changes, episodes=len(_folders(path)))


def _versions(path: Path) -> dict[str, int]:
    """Version of the dataset and of each episode that has one, by the folder's name.

    Raises:
        MismatchError: a version that is newer, or too old to be migrated.
        CorruptError: an episode cannot be read.
    """
    versions = {_DATASET: _known_version(read_attributes(path), path)}
    for folder in _folders(path):
        with _named_as_in(path, folder.name, path):
            found = {_known_version(values, folder) for values in _contents(folder)}
            if len(found) > 1:
                raise CorruptError(f"its attributes and its journal have schemas {sorted(found)}.")
            if not found and not folder.name.endswith(PARTIAL):
                raise CorruptError(f"{folder / METADATA} is missing.")
        if found:
            versions[folder.name] = found.pop()
    return versions


def _known_version(attributes: Mapping[str, Any], folder: Path) -> int:
    version = version_in(attributes, folder)
    if version > SCHEMA_VERSION:
        check_version(attributes, folder)
    if version < min(UPGRADES):
        raise MismatchError(
            f"{folder} has schema {version}; this hlm migrates from {min(UPGRADES)} and later to {SCHEMA_VERSION}."
        )
    return version


def _refuse_links(path: Path, versions: Mapping[str, int]) -> None:
    """Refuse links in episodes that are to be changed: what is changed through a link is not the copy."""
    for name, version in versions.items():
        if name == _DATASET or version == SCHEMA_VERSION:
            continue
        for entry in (path / name, *(path / name).rglob("*")):
            if entry.is_symlink():
                raise MismatchError(
                    f"{entry} is a link to {entry.readlink()}; migrate that dataset, or replace the link by a copy."
                )


@contextmanager
def _named_as_in(path: Path, name: str, copy: Path) -> Iterator[None]:
    """Raise errors about a folder of the copy with the path that the user knows, and with what to do.

    Raises:
        CorruptError: instead of any error that attributes which make no sense lead to.
    """
    folder = path / name
    try:
        yield
    except (CorruptError, AttributeError, KeyError, TypeError, ValueError) as error:
        reason = (
            str(error) if isinstance(error, CorruptError) else f"attributes are not as hlm writes them ({error!r})."
        )
        advice = "" if name == _DATASET else f" Move {folder} away to migrate the other episodes."
        raise CorruptError(f"{folder} cannot be migrated: {reason.replace(str(copy), str(path))}{advice}") from error


def _workspace(path: Path) -> Path:
    """Folder of the copy: hidden, and beside the dataset, so that the two can be exchanged."""
    return path.with_name(f".{path.name}.migrate")


def _tidy_up(path: Path) -> None:
    """Delete what a migration left that was killed after the exchange."""
    if _workspace(path.resolve()).exists():
        with FolderLock(path):
            _delete_leftovers(_workspace(path.resolve()))


def _delete_leftovers(copy: Path) -> None:
    if copy.exists():
        with storage_errors("delete what an earlier migration left behind:", copy):
            shutil.rmtree(copy)


@contextmanager
def _copy(path: Path) -> Iterator[Path]:
    """Make a copy of a dataset out of links to its files; whatever is in its place at the end is deleted."""
    copy = _workspace(path)
    # A process that was killed may have left one. We hold the lock, so nobody is working on it.
    _delete_leftovers(copy)
    try:
        clone(path, copy, link)
        (copy / LOCK_FILE).unlink()
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _upgrade(folder: Path, version: int, *, is_dataset: bool) -> None:
    """Bring a folder of the copy from its version to the current one."""
    for number in range(version, SCHEMA_VERSION):
        (UPGRADES[number].dataset if is_dataset else UPGRADES[number].episode)(folder)
        stamp(folder, number + 1)


def _contents(folder: Path) -> list[dict[str, Any]]:
    """The attributes of a folder and the header of its journal, as far as it has them."""
    attributes = [group_attributes(folder)] if (folder / METADATA).is_file() else []
    return attributes + ([read_json(folder / HEADER_FILE)] if (folder / HEADER_FILE).is_file() else [])


def _damaged(path: Path, versions: Mapping[str, int]) -> set[str]:
    """Names of folders whose attributes or header were damaged, or edited outside hlm."""
    # In version 1 nothing had a checksum.
    return {
        name
        for name, version in versions.items()
        if version > 1 and not all(is_intact(values) for values in _contents(path / name))
    }


def _check(path: Path, copy: Path, damaged: Container[str]) -> None:
    """Check that the copy of a dataset can be read, and that only what was damaged before is damaged."""
    with _named_as_in(path, _DATASET, copy):
        read_spec(copy)
        if _DATASET not in damaged:
            check_attributes(read_attributes(copy), copy)
    for number, folder in numbered_episodes(copy, partial=False):
        with _named_as_in(path, folder.name, copy):
            attributes = Episode(folder, number).attributes
            if folder.name not in damaged:
                check_attributes(attributes, folder)
    for _, folder in numbered_episodes(copy, partial=True):
        with _named_as_in(path, folder.name, copy):
            if (folder / HEADER_FILE).is_file() and folder.name not in damaged:
                EpisodeInfo.from_attributes(Header.read(folder).description)


def _folders(dataset: Path) -> list[Path]:
    return [folder for partial in (False, True) for _, folder in numbered_episodes(dataset, partial=partial)]
