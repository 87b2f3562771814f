"""A dataset's next version is built beside it and takes its place in one step; the one before stays for `undo`.

`cups.zarr` is built as `.cups.zarr.edit`, out of links to the files that stay the same. After the exchange the version
before is `cups.zarr.before`: a dataset like any other, whose files take no space of their own as far as both share
them. Only the last edit can be undone.
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

from hlm.core.errors import ExistsError, InputError, StorageError
from hlm.core.files import NEW, storage_errors, sync_folder, write_atomic
from hlm.core.serialization import json_bytes, read_json
from hlm.datasets.edits.draft import Draft
from hlm.datasets.reader import read_spec
from hlm.datasets.store.attributes import group_metadata
from hlm.datasets.store.cloning import PlaceFile, clone, copy, link
from hlm.datasets.store.lock import LOCK_FILE, FolderLock
from hlm.datasets.store.naming import METADATA, episode_folder, numbered_episodes
from hlm.datasets.store.swap import swap

# In a version that was replaced: what replaced it. Only such a folder is ever put back or thrown away.
MARK_FILE = ".edit.json"
_NOT_CARRIED = {LOCK_FILE, METADATA, METADATA + NEW, MARK_FILE, MARK_FILE + NEW}

type Show = Callable[[int, int], None]


def quiet(done: int, total: int) -> None:
    """Shows nothing; any `Show` is told how many of how many episodes are done."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """A dataset to come.

    Attributes:
        attributes: of its group.
        drafts: its episodes.
        did: what the edit does, in one line without a verb of its own, e.g. "delete 2 of 10 episodes".
        details: further lines, such as what becomes of each episode.
    """

    attributes: Mapping[str, Any]
    drafts: Sequence[Draft]
    did: str
    details: tuple[str, ...] = ()


def before(path: Path) -> Path:
    """Where the version before the last edit of a dataset is."""
    path = path.resolve()
    return path.with_name(f"{path.name}.before")


def replace_dataset(path: Path, version: Version, show: Show = quiet) -> None:
    """Give a dataset its next version; killed at any moment, it is as before or as it is to be.

    Args:
        path: the dataset; its lock is held.
        version: what it becomes. Files that are no part of any episode stay.
        show: told about each episode.

    Raises:
        ExistsError: something that hlm did not make stands where the version before would go.
        StorageError: the disk would not take it; the dataset is as it was.
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
    """Make datasets out of copies; each is there completely or not at all, and none is if one cannot be built.

    Args:
        versions: by path, where nothing is.
        show: told about each episode.

    Raises:
        ExistsError: something is there.
        StorageError: the disk would not take it; nothing is left.
    """
    for path in versions:
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
        # One call for thousands of copied files; the names must not reach the disk before they do.
        os.sync()
        for stage, path in built:
            stage.rename(path)
            (path / LOCK_FILE).unlink()
            sync_folder(path.parent)


def undo(path: Path | str) -> str:
    """Put the version before the last edit back; the one that it replaces can be put back in the same way.

    Returns:
        What was undone.

    Raises:
        MissingFileError: no dataset there.
        LockedError: somebody is writing it.
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
                f"{path} was changed after the edit ({mark.get('did')}), and undoing that would take the changes away "
                f"too. The version before is {earlier}, a dataset like any other."
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
    """Changes with every description in a dataset, and with the set of its episodes."""
    folders = [folder for partial in (False, True) for _, folder in numbered_episodes(path, partial=partial)]
    digest = hashlib.sha256()
    for folder in [path, *folders]:
        file = folder / METADATA
        digest.update(json_bytes([folder.name if folder != path else "", file.is_file()]))
        digest.update(hashlib.sha256(file.read_bytes() if file.is_file() else b"").digest())
    return digest.hexdigest()


def size_of_its_own(path: Path) -> int:
    """Bytes that deleting the version before the last edit would free."""
    statuses = (file.lstat() for file in before(path).rglob("*") if not file.is_dir())
    return sum(status.st_size for status in statuses if status.st_nlink == 1)


@contextmanager
def _stage(path: Path) -> Iterator[Path]:
    """An empty, locked folder beside `path`; whatever is in it at the end goes."""
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
    """Put away what an edit that was killed left beside the dataset."""
    stage, gone = _stage_folder(path), _gone_folder(path)
    if (stage / MARK_FILE).is_file():
        _keep(path, stage)
    for folder in (stage, gone):
        if folder.exists():
            with FolderLock(folder):
                shutil.rmtree(folder)


def _keep(path: Path, stage: Path) -> None:
    """The version that stood in the dataset's place becomes the one before; an older one goes."""
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
            f"{path} needs {needed / 1e6:.0f} MB, and {path.parent} has {free / 1e6:.0f} MB left. Free some space."
        )
