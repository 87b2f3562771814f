"""Migration of a dataset to the current schema: version by version on a copy, which then takes its place at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hlm.core.errors import CorruptError, MismatchError
from hlm.core.files import storage_errors, sync_folder, write_atomic
from hlm.core.serialization import json_bytes, read_json
from hlm.datasets.reader import Episode, read_attributes, read_spec
from hlm.datasets.schema import EpisodeInfo
from hlm.datasets.schema_2 import episode_attributes_3, info_attributes_3, renamed
from hlm.datasets.store.attributes import (
    ATTRIBUTES_CHECKSUM,
    attributes_checksum,
    check_attributes,
    group_attributes,
    group_metadata,
    sealed,
)
from hlm.datasets.store.cloning import clone, link
from hlm.datasets.store.journal import HEADER_FILE, Header
from hlm.datasets.store.lock import LOCK_FILE, FolderLock
from hlm.datasets.store.naming import METADATA, PARTIAL, numbered_episodes
from hlm.datasets.store.swap import swap
from hlm.datasets.store.version import SCHEMA_VERSION, version_in


@dataclass(frozen=True, slots=True)
class Upgrade:
    """Change from one version of the schema to the next.

    Attributes:
        summary: the change in a few words.
        apply: changes a copy of a dataset, except for the version numbers in it. It may add, delete, rename and replace
            files (`write_atomic`), but never edit one in place: the copy shares its files with the dataset.
    """

    summary: str
    apply: Callable[[Path], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Migration:
    """Outcome of a migration.

    Attributes:
        found: version of the schema that the dataset had.
        changes: summary of each change; empty if the dataset already had the current version.
        episodes: number of episodes, finished or not.
    """

    found: int
    changes: tuple[str, ...]
    episodes: int


def migrate(path: Path | str, *, dry_run: bool = False) -> Migration:
    """Upgrade a dataset to the current schema.

    A process that is killed at any moment leaves the old dataset or the new one. Files that stay the same are not
    copied.

    Args:
        path: folder of the dataset.
        dry_run: do everything and check the result, but leave the dataset as it is.

    Raises:
        MissingFileError: there is no dataset at `path`.
        MismatchError: the dataset has a newer version, or one too old to be migrated.
        LockedError: another process is writing the dataset.
        CorruptError: the dataset cannot be read.
        StorageError: the disk refused, or the file system cannot exchange two folders.
    """
    path = Path(path)
    found = version_in(read_attributes(path), path)
    if found > SCHEMA_VERSION or found < min(UPGRADES, default=SCHEMA_VERSION):
        raise MismatchError(
            f"{path} has schema {found}; this hlm migrates from {min(UPGRADES)} and later to {SCHEMA_VERSION}."
        )
    upgrades = [(version, UPGRADES[version]) for version in range(found, SCHEMA_VERSION)]
    if not upgrades and _workspace(path.resolve()).exists():
        with FolderLock(path), storage_errors("tidy up after an earlier migration of", path):
            shutil.rmtree(_workspace(path.resolve()))
    if upgrades:
        with FolderLock(path):
            if version_in(read_attributes(path), path) != found:
                raise MismatchError(f"{path} was just migrated by another process. Nothing is left to do.")
            _check_readable(path)
            # In version 1 nothing had a checksum.
            damaged = _damaged(path) if found > 1 else set()
            with storage_errors("migrate", path), _copy(path.resolve()) as copy:
                for version, upgrade in upgrades:
                    _apply(upgrade, copy)
                    _stamp(copy, version + 1)
                _check(copy, damaged)
                if not dry_run:
                    for folder, _, _ in os.walk(copy):
                        sync_folder(Path(folder))
                    swap(path.resolve(), copy)
    return Migration(
        found=found, changes=tuple(upgrade.summary for _, upgrade in upgrades), episodes=len(_folders(path))
    )


def _apply(upgrade: Upgrade, copy: Path) -> None:
    try:
        upgrade.apply(copy)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise CorruptError(f"{copy} cannot be migrated: attributes are not as hlm writes them ({error!r}).") from error


def _workspace(path: Path) -> Path:
    """Folder of the copy: hidden, and beside the dataset, so that the two can be exchanged."""
    return path.with_name(f".{path.name}.migrate")


@contextmanager
def _copy(path: Path) -> Iterator[Path]:
    """Make a copy of a dataset out of links to its files; whatever is in its place at the end is deleted."""
    copy = _workspace(path)
    try:
        # A process that was killed may have left one. We hold the lock, so nobody is working on it.
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


# The version in which time steps were rows, privileged quantities were labels, and `extra` held what is a field now.
_JOURNAL_2, _JOURNAL_3 = "journal.rows", "journal.steps"
_LABELS_2, _PRIVILEGED_3 = "label", "privileged"


def _name_fields(dataset: Path) -> None:
    for folder in _folders(dataset):
        _change_attributes(folder, episode_attributes_3)
        _change_header(folder, _header_3)
        for old, new in ((_LABELS_2, _PRIVILEGED_3), (_JOURNAL_2, _JOURNAL_3)):
            if (folder / old).exists():
                (folder / old).rename(folder / new)
    _change_attributes(dataset, _dataset_attributes_3)


def _header_3(header: Mapping[str, Any]) -> dict[str, Any]:
    columns = renamed(header.get("columns", {}), {"labels": "privileged"})
    return {**header, "info": info_attributes_3(header.get("info", {})), "columns": columns}


def _dataset_attributes_3(attributes: Mapping[str, Any]) -> dict[str, Any]:
    conversion = attributes.get("conversion")
    if not isinstance(conversion, dict):
        return dict(attributes)
    conversion = renamed(conversion, {"source": "dataset", "kind": "format"})
    lost = [renamed(one, {"rows": "steps"}) for one in conversion.get("cut_or_rejected", [])]
    return {**attributes, "conversion": {**conversion, "cut_or_rejected": lost}}


# By the version that they start from. A new version of the schema is one more line here.
UPGRADES = {
    1: Upgrade("attributes get a checksum, so that damage to them is found", _add_checksums),
    2: Upgrade(
        "candidates, scene and stages become attributes; rows are called steps, labels privileged", _name_fields
    ),
}


def _stamp(dataset: Path, version: int) -> None:
    """Write the version number into all episodes, and into the dataset last."""
    for folder in [*_folders(dataset), dataset]:
        _change_attributes(folder, lambda attributes: {**attributes, "schema_version": version})
        _change_header(folder, lambda header: {**header, "schema_version": version})


def _change_attributes(folder: Path, change: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
    """Change the attributes of a group, if it has any. Damage that their checksum reveals stays detectable."""
    if (folder / METADATA).is_file():
        attributes = group_attributes(folder)
        changed = change(attributes)
        if _is_intact(attributes):
            write_atomic(folder / METADATA, group_metadata(changed))
        else:
            write_atomic(folder / METADATA, json_bytes(read_json(folder / METADATA) | {"attributes": changed}))


def _change_header(folder: Path, change: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
    """Change the header of a partial episode's journal in the same way."""
    if (folder / HEADER_FILE).is_file():
        header = read_json(folder / HEADER_FILE)
        changed = change(header)
        write_atomic(folder / HEADER_FILE, json_bytes(sealed(changed) if _is_intact(header) else changed))


def _is_intact(attributes: Mapping[str, Any]) -> bool:
    return attributes.get(ATTRIBUTES_CHECKSUM) == attributes_checksum(attributes)


def _check_readable(dataset: Path) -> None:
    """Check that all episodes can be read, while errors still name the path that the user knows."""
    for folder in _folders(dataset):
        try:
            if (folder / METADATA).is_file() or not folder.name.endswith(PARTIAL):
                group_attributes(folder)
            if (folder / HEADER_FILE).is_file():
                read_json(folder / HEADER_FILE)
        except CorruptError as error:
            raise CorruptError(f"{error} Move {folder} away to migrate the other episodes.") from error


def _damaged(dataset: Path) -> set[str]:
    """Names of folders, "." for the dataset, whose attributes or header were damaged, or edited outside hlm."""
    found = set()
    for folder in [*_folders(dataset), dataset]:
        contents = [group_attributes(folder)] if (folder / METADATA).is_file() else []
        contents += [read_json(folder / HEADER_FILE)] if (folder / HEADER_FILE).is_file() else []
        if not all(map(_is_intact, contents)):
            found.add(str(folder.relative_to(dataset)))
    return found


def _check(dataset: Path, damaged: Container[str]) -> None:
    """Check that the dataset has this version, and that only what was damaged before is damaged."""
    read_spec(dataset)
    if "." not in damaged:
        check_attributes(read_attributes(dataset), dataset)
    for number, folder in numbered_episodes(dataset, partial=False):
        attributes = Episode(folder, number).attributes
        if folder.name not in damaged:
            check_attributes(attributes, folder)
    for _, folder in numbered_episodes(dataset, partial=True):
        if (folder / HEADER_FILE).is_file() and folder.name not in damaged:
            EpisodeInfo.from_attributes(Header.read(folder).description)


def _folders(dataset: Path) -> list[Path]:
    return [folder for partial in (False, True) for _, folder in numbered_episodes(dataset, partial=partial)]
