"""Atomic writing of a converted dataset: built beside its target, renamed when complete."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hlm.core.errors import ExistsError, StorageError
from hlm.core.files import sync_folder
from hlm.datasets.store.lock import LOCK_FILE, FolderLock

# A writer's own text advises to recover what it wrote; here nothing stays.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Yield a path to write to, which becomes `target` when the block ends without an error.

    After an error nothing remains, not even new folders above the target. Only a killed process leaves a hidden folder
    `.NAME.converting`, which the next conversion to the same target deletes.

    Raises:
        ExistsError: the target exists.
        LockedError: another process is converting to the same target.
        StorageError: the disk refused.
    """
    target = target.absolute()
    must_be_free(target)
    stage = target.with_name(f".{target.name}.converting")
    new_parents = [folder for folder in target.parents if not folder.exists()]
    try:
        stage.mkdir(parents=True, exist_ok=True)
        with FolderLock(stage):
            _sweep(stage)
            try:
                yield stage / target.name
                # One call for thousands of files, which must reach the disk before their folder's name.
                os.sync()
                must_be_free(target)
                (stage / target.name).rename(target)
                sync_folder(target.parent)
            finally:
                shutil.rmtree(stage, ignore_errors=True)
    except (OSError, StorageError) as error:
        refusal = _refusal(error)
        if refusal is None:
            raise
        raise StorageError(f"could not write {target}: {(refusal.strerror or str(refusal)).lower()}.") from error
    finally:
        for folder in new_parents:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _refusal(error: BaseException | None) -> OSError | None:
    """The refusal of the system, if it is about the target: a full disk, or an error that no other error explains."""
    if isinstance(error, OSError):
        return error
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return error
        error = error.__cause__
    return None


def must_be_free(target: Path) -> None:
    """Check that nothing exists at a path.

    Raises:
        ExistsError: something does.
    """
    if target.exists() or target.is_symlink():
        raise ExistsError(f"{target} is already there. Choose another name, or move it away.")


def _sweep(stage: Path) -> None:
    """Delete what a killed conversion left; the caller holds the lock."""
    for entry in stage.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != LOCK_FILE:
            entry.unlink()
