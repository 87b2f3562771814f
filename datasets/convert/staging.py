"""Atomic writing of a converted dataset: built beside its target, renamed when complete."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hlm.core.errors import ExistsError, StorageError
from hlm.core.files import sync_folder, write_atomic
from hlm.core.wording import counted
from hlm.datasets.convert.progress import Progress
from hlm.datasets.schema import DatasetSpec
from hlm.datasets.store.images import ImageFormat
from hlm.datasets.store.lock import LOCK_FILE, FolderLock
from hlm.datasets.store.naming import METADATA, numbered_episodes
from hlm.datasets.store.swap import finish_swap
from hlm.datasets.writer import DEFAULT_FORMAT, DatasetWriter

# A writer's own text advises to recover what it wrote; here nothing stays.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
SOURCE_FILE, PROGRESS_FILE = "source", "done.jsonl"

type Say = Callable[[str], None]


def silent(text: str) -> None:
    """A `Say` that says nothing. It is called with lines for people."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a conversion writes.

    Attributes:
        path: becomes the target.
        progress: what is complete there, from an earlier attempt too.
        image_format: how images are stored in an hlm dataset.
    """

    path: Path
    progress: Progress
    image_format: ImageFormat = DEFAULT_FORMAT

    def writer(self, spec: DatasetSpec) -> DatasetWriter:
        """Create the hlm dataset, or continue it."""
        return DatasetWriter.open(self.path, spec, self.image_format)


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Yield a path to write to, as `resumable` does, for what starts over when it was killed."""
    with resumable(target, "", silent) as stage:
        yield stage.path


@contextmanager
def resumable(target: Path, identity: str, say: Say) -> Iterator[Stage]:
    """Yield a stage to write to, which becomes `target` when the block ends without an error.

    After an error nothing remains, not even new folders above the target. A killed process leaves a hidden folder
    `.NAME.converting`; so does an interrupt by a person, if the conversion can go on and has finished an episode. The
    next conversion of the same source goes on with what is complete there; any other deletes it.

    Args:
        target: path of the new dataset.
        identity: equal only for the same source and the same options. Empty: the conversion cannot go on.
        say: called with lines for people.

    Raises:
        ExistsError: the target exists.
        LockedError: another process is converting to the same target.
        StorageError: the disk refused.
    """
    target = target.absolute()
    must_be_free(target)
    folder = stage_folder(target)
    new_parents = [parent for parent in target.parents if not parent.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FolderLock(folder):
            stage = _prepared(folder, target, identity, say)
            try:
                yield stage
                # One call for thousands of files, which must reach the disk before their folder's name.
                os.sync()
                must_be_free(target)
                stage.path.rename(target)
                sync_folder(target.parent)
            except KeyboardInterrupt:
                if not (identity and len(stage.progress)):
                    shutil.rmtree(folder, ignore_errors=True)
                raise
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            shutil.rmtree(folder, ignore_errors=True)
    except (OSError, StorageError) as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        raise StorageError(f"could not write {target}: {(refusal.strerror or str(refusal)).lower()}.") from error
    finally:
        for parent in new_parents:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()


def stage_folder(target: Path) -> Path:
    """Where a conversion to a target is built."""
    return target.with_name(f".{target.name}.converting")


def must_be_free(target: Path) -> None:
    """Check that nothing exists at a path.

    Raises:
        ExistsError: something does.
    """
    finish_swap(target)
    if target.exists() or target.is_symlink():
        raise ExistsError(f"{target} is already there. Choose another name, or move it away.")


def _prepared(folder: Path, target: Path, identity: str, say: Say) -> Stage:
    """The stage in a locked folder: with what an earlier attempt finished, if it can go on, else empty."""
    path, source = folder / target.name, folder / SOURCE_FILE
    left = path.exists()
    if identity and source.is_file() and source.read_text("utf-8") == identity and (path / METADATA).is_file():
        progress = Progress(folder / PROGRESS_FILE)
        for partial in (False, True):
            for number, episode in numbered_episodes(path, partial=partial):
                if partial or number not in progress.numbers:
                    shutil.rmtree(episode)
        say(f"going on with an interrupted conversion: {counted(len(progress), 'episode')} done")
        return Stage(path, progress)
    _sweep(folder)
    if left:
        why = "its source, its options or hlm have changed" if identity else "exports cannot go on"
        say(f"an earlier conversion to {target.name} was interrupted; {why}, so it starts over")
    if identity:
        write_atomic(source, identity.encode())
    return Stage(path, Progress(folder / PROGRESS_FILE))


def _sweep(folder: Path) -> None:
    """Delete what a killed conversion left; the caller holds the lock."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != LOCK_FILE:
            entry.unlink()


def _refusal(error: BaseException | None) -> OSError | None:
    """The refusal of the system, if it is about the target: a full disk, or an error that no other error explains."""
    if isinstance(error, OSError):
        return error
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return error
        error = error.__cause__
    return None
