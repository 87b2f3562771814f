"""Files written whole or not at all, and the operating system's refusals as one-line errors."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hlm.core.errors import StorageError

# Ending of a file while it is being written. A killed process leaves it behind, and the next write replaces it.
NEW = ".new"

_ADVICE = {
    errno.ENOSPC: "Free some space.",
    errno.EDQUOT: "Your disk quota is used up.",
    errno.EFBIG: "The file system or a resource limit does not allow a larger file.",
    errno.EROFS: "Choose a folder that can be written to.",
    errno.EACCES: "Check the permissions, or choose another folder.",
    errno.EPERM: "Check the permissions, or choose another folder.",
    errno.ENOENT: "It was moved or deleted meanwhile.",
}


@contextmanager
def storage_errors(action: str, path: Path, hint: str = "") -> Iterator[None]:
    """Turn an OSError raised inside the block into a StorageError.

    Args:
        action: what is being done to `path`, as in `could not ACTION PATH: reason`.
        path: file or folder named in the error.
        hint: sentence added at the end, for example how to keep what was written so far.

    Raises:
        StorageError: instead of any OSError.
    """
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        parts = (f"could not {action} {path}: {reason}.", _ADVICE.get(error.errno or 0, ""), hint)
        raise StorageError(" ".join(part for part in parts if part)) from error


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data` to a file descriptor; a single `os.write` may stop short when the disk is nearly full."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def write_durable(path: Path, data: bytes) -> None:
    """Write a file and wait until it is on the disk.

    An existing file is unlinked first, never overwritten, so hard links to it keep the old content. Not atomic: use it
    inside a folder that is renamed when complete, and `write_atomic` otherwise.
    """
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def write_atomic(path: Path, data: bytes) -> None:
    """Write or replace a file: after a crash at any moment, either the old or the new content is there, complete."""
    new = path.with_name(path.name + NEW)
    try:
        write_durable(new, data)
        new.replace(path)
    except BaseException:
        with suppress(OSError):
            new.unlink(missing_ok=True)  # half a file on a full disk would keep it full
        raise
    sync_folder(path.parent)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write or replace a file that is too large for `write_atomic`, or that a library writes by path.

    Args:
        path: the file; its folder must exist.

    Yields:
        Where to write instead: an empty file beside `path`. It takes the place of `path`, durably, when the block ends,
        and is removed after an exception.
    """
    new = path.with_name(path.name + NEW)
    new.unlink(missing_ok=True)
    new.touch()
    mode = new.stat().st_mode
    try:
        yield new
        # Some libraries put a file of their own there, readable by nobody else.
        new.chmod(mode)
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def in_home(path: Path) -> Path:
    """A path whose `~` or `~NAME` is replaced by that user's home; as it is where there is no such user."""
    with suppress(RuntimeError):
        return path.expanduser()
    return path


def sync_folder(folder: Path) -> None:
    """Wait until the entries of a folder are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def must_be_writable(path: Path, remedy: str) -> None:
    """Refuse a file or folder that could not be made or written to; makes nothing yet.

    Args:
        path: file or folder; its missing parents would be made.
        remedy: sentence at the end of the error.

    Raises:
        StorageError: a part of the path is a file, or may not be written to.
    """
    existing = path.absolute()
    while not existing.exists():
        existing = existing.parent
    if existing != path.absolute() and not existing.is_dir():
        raise StorageError(f"cannot write to {path}: {existing} is a file. {remedy}")
    if not os.access(existing, os.W_OK | os.X_OK if existing.is_dir() else os.W_OK):
        raise StorageError(f"cannot write to {path}: no permission for {existing}. {remedy}")
