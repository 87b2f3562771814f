"""Bringing a dataset of an older schema up to this one: step by step on a copy, which then takes its place at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hlm.core.errors import CorruptError, MismatchError
from hlm.datasets.edits.draft import clone, link
from hlm.datasets.reader import Episode, read_attributes, read_spec
from hlm.datasets.schema import PARTIAL, SCHEMA_VERSION, numbered_episodes, version_in
from hlm.datasets.store.arrays import METADATA, check_attributes, group_attributes, group_metadata, sealed
from hlm.datasets.store.exchange import exchange
from hlm.datasets.store.journal import HEADER_FILE, Header
from hlm.datasets.store.lock import LOCK_FILE, FolderLock
from hlm.datasets.store.storage import json_bytes, read_json, storage_errors, sync_folder, write_atomic


@dataclass(frozen=True, slots=True)
class Step:
    """The way from one version of the schema to the next.

    Attributes:
        summary: what changes, in a few words.
        apply: changes the copy of a dataset, except for the versions in it; it may add, delete and replace files
            (`write_atomic`), never edit one in place.
    """

    summary: str
    apply: Callable[[Path], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """What was done to a dataset, or would be.

    Attributes:
        found: version of the schema that it had.
        steps: what changed, a line for each version; empty when it was of this one already.
        episodes: how many it has, finished or not.
    """

    found: int
    steps: tuple[str, ...]
    episodes: int


def migrate(path: Path | str, *, dry_run: bool = False) -> Migration:
    """Bring a dataset up to this version of the schema.

    A process that is killed at any moment leaves the old dataset or the new one. What no step touches is not copied.

    Args:
        path: the dataset.
        dry_run: do everything and check the result, but leave the dataset as it is.

    Raises:
        MissingFileError: no dataset there.
        MismatchError: its version is newer than this hlm's, or older than the oldest that can be brought up.
        LockedError: somebody is writing it.
        CorruptError: it cannot be read.
        StorageError: the disk refused, or its file system cannot exchange two folders.
    """
    path = Path(path)
    found = version_in(read_attributes(path), path)
    if found > SCHEMA_VERSION or found < min(STEPS, default=SCHEMA_VERSION):
        raise MismatchError(
            f"{path} has schema {found}; this hlm migrates from {min(STEPS)} and later to {SCHEMA_VERSION}."
        )
    steps = [(version, STEPS[version]) for version in range(found, SCHEMA_VERSION)]
    if not steps and _workspace(path.resolve()).exists():
        with FolderLock(path), storage_errors("tidy up after an earlier migration of", path):
            shutil.rmtree(_workspace(path.resolve()))
    if steps:
        with FolderLock(path):
            if version_in(read_attributes(path), path) != found:
                raise MismatchError(f"{path} was migrated meanwhile, by somebody else. There is nothing left to do.")
            _check_readable(path)
            with storage_errors("migrate", path), _copy(path.resolve()) as copy:
                for version, step in steps:
                    step.apply(copy)
                    _stamp(copy, version + 1)
                _check(copy)
                if not dry_run:
                    for folder, _, _ in os.walk(copy):
                        sync_folder(Path(folder))
                    exchange(path.resolve(), copy)
    return Migration(found=found, steps=tuple(step.summary for _, step in steps), episodes=len(_folders(path)))


def _workspace(path: Path) -> Path:
    """Where the copy is changed: hidden, and beside the dataset, where folders can be exchanged."""
    return path.with_name(f".{path.name}.migrate")


@contextmanager
def _copy(path: Path) -> Iterator[Path]:
    """A copy of a dataset beside it, out of links to its files; what stands there at the end is deleted."""
    copy = _workspace(path)
    try:
        # A process that was killed may have left one; the dataset's lock says that nobody is at work on it.
        shutil.rmtree(copy, ignore_errors=True)
        clone(path, copy, link)
        (copy / LOCK_FILE).unlink()
        yield copy
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _add_checksums(dataset: Path) -> None:
    for file in dataset.rglob(METADATA):
        if read_json(file).get("node_type") == "group":
            write_atomic(file, group_metadata(group_attributes(file.parent)))
    for file in dataset.glob(f"*/{HEADER_FILE}"):
        write_atomic(file, json_bytes(sealed(read_json(file))))


# From each version to the next. A new version of the schema is one more line here.
STEPS = {1: Step("attributes get a checksum, so that damage to them is found", _add_checksums)}


def _stamp(dataset: Path, version: int) -> None:
    """Write the version into everything that has one; the dataset itself last."""
    for folder in [*_folders(dataset), dataset]:
        if (folder / METADATA).is_file():
            write_atomic(folder / METADATA, group_metadata(group_attributes(folder) | {"schema_version": version}))
        if (folder / HEADER_FILE).is_file():
            header = read_json(folder / HEADER_FILE) | {"schema_version": version}
            write_atomic(folder / HEADER_FILE, json_bytes(sealed(header)))


def _check_readable(dataset: Path) -> None:
    """Find a broken episode while its path is still the one that the person knows."""
    for folder in _folders(dataset):
        try:
            if (folder / METADATA).is_file() or not folder.name.endswith(PARTIAL):
                group_attributes(folder)
            if (folder / HEADER_FILE).is_file():
                read_json(folder / HEADER_FILE)
        except CorruptError as error:
            raise CorruptError(f"{error} Move {folder} away to migrate the others.") from error


def _check(dataset: Path) -> None:
    """Make sure that the dataset is of this version, and whole."""
    read_spec(dataset)
    check_attributes(read_attributes(dataset), dataset)
    for number, folder in numbered_episodes(dataset, partial=False):
        check_attributes(Episode(folder, number).attributes, folder)
    for _, folder in numbered_episodes(dataset, partial=True):
        if (folder / HEADER_FILE).is_file():
            Header.read(folder)


def _folders(dataset: Path) -> list[Path]:
    return [folder for partial in (False, True) for _, folder in numbered_episodes(dataset, partial=partial)]
