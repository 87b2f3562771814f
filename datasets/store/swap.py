"""Exchange of two folders: atomic where the file system can, else in three renames that survive a kill.

Without renameat2(2)'s exchange (NFS, some FUSE and overlay file systems), a file beside the folders says what is being
exchanged, and is locked while somebody does. A kill can leave the first name without a folder; whoever looks for it
next completes the exchange, see `finish_swap`.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hlm.core.errors import StorageError
from hlm.core.files import storage_errors, sync_folder

# Source: Linux man page renameat2(2) and <linux/fs.h>.
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


def swap(first: Path, second: Path) -> None:
    """Exchange the names of two folders in the same folder, durably, and atomically where the file system can.

    Args:
        first: what others look for; `finish_swap` is called with it.
        second: beside it.

    Raises:
        OSError: a refusal of the system.
    """
    code = _exchange(first, second)
    if code in _UNSUPPORTED:
        _rename_in_turn(first, second)
    elif code:
        raise OSError(code, os.strerror(code), str(first))
    sync_folder(first.parent)


def finish_swap(path: Path) -> None:
    """Complete an exchange of a folder with another one that was killed; does nothing without one.

    Raises:
        StorageError: the folder cannot be written, or something new took its place meanwhile.
    """
    # Through links: the one that names the dataset stays, and may lead to a name without a folder right now.
    try:
        path = path.resolve()
    except RuntimeError:  # Links in a circle lead nowhere; opening them says so.
        return
    if not path.name or not _journal(path).exists():
        return
    with storage_errors("complete the interrupted edit of", path), _locked(_journal(path)) as name:
        if name is None:
            return
        if name:
            _complete(path, path.with_name(name))
        _journal(path).unlink()
        sync_folder(path.parent)


def is_there(path: Path) -> bool:
    """Whether something is at a path, which may be a folder whose exchange was killed: that is completed first.

    Raises:
        StorageError: see `finish_swap`.
    """
    if not path.exists():
        finish_swap(path)
    return path.exists()


def _exchange(first: Path, second: Path) -> int:
    """Exchange two folders at once; returns 0, or the number of the error."""
    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if exchange is None:
        return errno.ENOSYS
    places = (_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second))
    return ctypes.get_errno() if exchange(*places, _RENAME_EXCHANGE) else 0


def _rename_in_turn(first: Path, second: Path) -> None:
    for folder in (first, second):
        folder.stat()
    with _locked(_journal(first), create=True):
        # The name alone: the folder that both are in may be moved before the exchange is completed.
        _journal(first).write_bytes(os.fsencode(second.name))
        _sync_file(_journal(first))
        sync_folder(first.parent)
        first.rename(_aside(first))
        _complete(first, second)
        _journal(first).unlink()


def _complete(first: Path, second: Path) -> None:
    """Do what is left of an exchange. Nothing is left if the first folder was not put aside, or is not any more."""
    aside = _aside(first)
    if not aside.exists():
        return
    if not first.exists():
        sync_folder(first.parent)
        second.rename(first)
    elif second.exists():
        raise StorageError(
            f"{first} is new, but an edit that was interrupted left {aside} and {second}. "
            f"Move {first} away; the next command then completes the edit."
        )
    sync_folder(first.parent)
    aside.rename(second)


@contextmanager
def _locked(journal: Path, *, create: bool = False) -> Iterator[str | None]:
    """Wait for the lock of a journal; yields the name in it, empty if none was written yet, None if it is gone."""
    flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
    try:
        descriptor = os.open(journal, flags, 0o644)
    except FileNotFoundError:
        yield None
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield os.fsdecode(os.read(descriptor, 4096)) if os.fstat(descriptor).st_nlink else None
    finally:
        os.close(descriptor)


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _journal(path: Path) -> Path:
    return path.with_name(f".{path.name}.swap")


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.aside")
