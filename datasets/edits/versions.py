"""Versions of a dataset: the next one is built beside it and takes its place atomically; the previous one is kept.

The next version of `cups.zarr` is built as `.cups.zarr.edit`, from links to the files that stay the same. The previous
one is kept as `cups.zarr.before`, an ordinary dataset that needs space only for files that are not shared. Only the
last edit can be undone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from humanize import naturalsize

from hlm.core.errors import ExistsError, InputError, StorageError
from hlm.core.files import NEW, storage_errors, sync_folder, write_atomic
from hlm.core.serialization import json_bytes, read_json
from hlm.datasets.edits.draft import Draft
from hlm.datasets.reader import read_spec
from hlm.datasets.store.attributes import group_metadata
from hlm.datasets.store.cloning import PlaceFile, clone, copy, link
from hlm.datasets.store.lock import LOCK_FILE, FolderLock
from hlm.datasets.store.naming import METADATA, episode_folder, numbered_episodes
from hlm.datasets.store.swap import finish_swap, swap

# In a replaced version: what replaced it. Only folders with this file are ever put back or deleted.
MARK_FILE = ".edit.json"
_NOT_CARRIED = {LOCK_FILE, METADATA, METADATA + NEW, MARK_FILE, MARK_FILE + NEW}

type Show = Callable[[int, int], None]


def quiet(done: int, total: int) -> None:
    """A `Show` that shows nothing. It is called with the number of finished episodes and of all episodes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A version of a dataset, yet to be written.

    Attributes:
        attributes: attributes of the dataset.
        drafts: its episodes.
        did: the edit in one line, e.g. "delete 2 of 10 episodes".
        details: further lines, such as what happens to each episode.
    """

    attributes: Mapping[str, Any]
    drafts: Sequence[Draft]
    did: str
    details: tuple[str, ...] = ()


def before(path: Path) -> Path:
    """Folder of the version before the last edit of a dataset."""
    path = path.resolve()
    return path.with_name(f"{path.name}.before")


def replace_dataset(path: Path, version: Version, show: Show = quiet) -> None:
    """Replace a dataset by its next version, atomically.

    Args:
        path: folder of the dataset; the caller holds its lock.
        version: next version. Files that belong to no episode are kept.
        show: called with the number of finished episodes and of all episodes.

    Raises:
        ExistsError: the folder for the previous version exists and was not made by hlm.
        StorageError: the disk refused. The dataset is unchanged.
    """
    path = path.resolve()
    if before(path).exists() and not (before(path) / MARK_FILE).is_file():
        raise ExistsError(f"{before(path)} is in the way: the version before the edit goes there. Rename it.")
    with storage_errors("edit", path), _stage(path) as stage:
        episodes = {folder.name for _, folder in numbered_episodes(path, partial=False)}
        for entry in path.iterdir():
            if entry.name not in episodes | _NOT_CARRIED:
                clone(entry, stage / entry.name, link)
        _build(stage, version, link, show)
        write_atomic(path / MARK_FILE, json_bytes({"did": version.did, "became": fingerprint(stage)}))
        swap(path, stage)
        _keep(path, stage)
        (path / LOCK_FILE).unlink()


def create_datasets(versions: Mapping[Path, Version], show: Show = quiet) -> None:
    """Write new datasets from copies. Each is written atomically, and none if one cannot be built.

    Args:
        versions: versions to write, by path.
        show: called with the number of finished episodes and of all episodes.

    Raises:
        ExistsError: a path exists.
        StorageError: the disk refused. Nothing is left behind.
    """
    for path in versions:
        finish_swap(path)
        if path.exists():
            raise ExistsError(f"{path} is already there. Choose another name.")
    total = sum(len(version.drafts) for version in versions.values())
    with ExitStack() as stages:
        built, done = [], 0
        for path, version in versions.items():
            stages.enter_context(storage_errors("create", path))
            path.parent.mkdir(parents=True, exist_ok=True)
            _check_space(path, version.drafts)
            stage = stages.enter_context(_stage(path.resolve()))
            _build(stage, version, copy, lambda here, _, before=done: show(before + here, total))  # type: ignore[misc]
            built.append((stage, path.resolve()))
            done += len(version.drafts)
        # One call for thousands of copied files, which must reach the disk before their folder's name.
        os.sync()
        for stage, path in built:
            stage.rename(path)
            (path / LOCK_FILE).unlink()
            sync_folder(path.parent)


def undo(path: Path | str) -> str:
    """Undo the last edit of a dataset. A second undo redoes it.

    Returns:
        The edit that was undone, in one line.

    Raises:
        MissingFileError: there is no dataset at `path`.
        LockedError: another process is writing the dataset.
        InputError: there is nothing to undo, or the dataset was changed after the edit.
    """
    path = Path(path)
    read_spec(path)
    with FolderLock(path), storage_errors("edit", path):
        path, earlier = path.resolve(), before(path)
        _sweep(path)
        if not (earlier / MARK_FILE).is_file():
            raise InputError(f"nothing to undo: there is no {earlier}.")
        mark = read_json(earlier / MARK_FILE)
        if mark.get("became") != fingerprint(path):
            raise InputError(
                f"{path} was changed after the last edit ({mark.get('did')}); undoing it would lose these changes. "
                f"The version before the edit is {earlier}, an ordinary dataset."
            )
        undone = str(mark.get("did"))
        with FolderLock(earlier):
            write_atomic(path / MARK_FILE, json_bytes({"did": f"undo: {undone}", "became": fingerprint(earlier)}))
            swap(path, earlier)
            (path / MARK_FILE).unlink()
            for folder in (path, earlier):
                (folder / LOCK_FILE).unlink(missing_ok=True)
    return undone


def fingerprint(path: Path) -> str:
    """Hash of all attributes in a dataset and of the set of its episodes."""
    folders = [folder for partial in (False, True) for _, folder in numbered_episodes(path, partial=partial)]
    digest = hashlib.sha256()
    for folder in [path, *folders]:
        file = folder / METADATA
        digest.update(json_bytes([folder.name if folder != path else "", file.is_file()]))
        digest.update(hashlib.sha256(file.read_bytes() if file.is_file() else b"").digest())
    return digest.hexdigest()


def size_of_its_own(path: Path) -> int:
    """Size that deleting the version before the last edit would free, bytes."""
    statuses = (file.lstat() for file in before(path).rglob("*") if not file.is_dir())
    return sum(status.st_size for status in statuses if status.st_nlink == 1)


@contextmanager
def _stage(path: Path) -> Iterator[Path]:
    """Make an empty, locked folder beside `path`; it is deleted at the end."""
    _sweep(path)
    stage = _stage_folder(path)
    stage.mkdir(exist_ok=True)
    lock = FolderLock(stage).acquire()
    try:
        yield stage
    finally:
        if stage.exists():
            shutil.rmtree(stage)
        lock.release()


def _build(stage: Path, version: Version, place: PlaceFile, show: Show) -> None:
    total = len(version.drafts)
    for done, draft in enumerate(version.drafts):
        show(done, total)
        draft.build(stage / episode_folder(draft.number), place)
    show(total, total)
    write_atomic(stage / METADATA, group_metadata(version.attributes))


def _sweep(path: Path) -> None:
    """Clean up what a killed edit left beside the dataset."""
    finish_swap(path)
    stage, gone = _stage_folder(path), _gone_folder(path)
    if (stage / MARK_FILE).is_file():
        _keep(path, stage)
    for folder in (stage, gone):
        if folder.exists():
            with FolderLock(folder):
                shutil.rmtree(folder)


def _keep(path: Path, stage: Path) -> None:
    """Keep the replaced version as the previous one; an older one is deleted."""
    if before(path).exists():
        before(path).rename(_gone_folder(path))
    (stage / LOCK_FILE).unlink(missing_ok=True)
    stage.rename(before(path))
    if _gone_folder(path).exists():
        shutil.rmtree(_gone_folder(path))


def _stage_folder(path: Path) -> Path:
    return path.with_name(f".{path.name}.edit")


def _gone_folder(path: Path) -> Path:
    return path.with_name(f".{path.name}.gone")


def _check_space(path: Path, drafts: Sequence[Draft]) -> None:
    needed = sum(file.stat().st_size for draft in drafts for file in draft.folder.rglob("*") if file.is_file())
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise StorageError(
            f"{path} needs {naturalsize(needed)}, and {path.parent} has {naturalsize(free)} left. Free some space."
        )
