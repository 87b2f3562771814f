"""Advisory lock that admits one writer per folder and ends with the process that holds it."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from hlm.core.errors import HlmError
from hlm.core.files import storage_errors

LOCK_FILE = ".lock"
_HOLDER_BYTES = 128


class LockedError(HlmError):
    """Another process, or another writer of this one, holds the folder."""


class FolderLock:
    """Exclusive right to change a dataset or another existing folder; a context manager.

    The operating system releases the lock when the process ends, however it ends, so a leftover lock file blocks
    nobody.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_FILE
        self._descriptor: int | None = None

    def acquire(self) -> Self:
        """Take the lock.

        Raises:
            LockedError: another writer holds it; the text names its process.
            StorageError: the folder cannot be written.
        """
        with storage_errors("lock", self._path.parent):
            while self._descriptor is None:
                descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
                try:
                    self._take(descriptor)
                finally:
                    if self._descriptor != descriptor:
                        os.close(descriptor)
        return self

    def _take(self, descriptor: int) -> None:
        """Lock the open lock file, unless its name refers to another file by now."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # The file is empty for an instant after it was created.
            holder = os.read(descriptor, _HOLDER_BYTES).decode(errors="replace").strip() or "another process"
            raise LockedError(f"{self._path.parent} is being written by {holder}. Wait for it, or end it.") from None
        if _still_there(descriptor, self._path):
            holder = f"process {os.getpid()} on {socket.gethostname()}"
            name = f"{holder}\n".encode()[:_HOLDER_BYTES]
            # Overwrites the name of the earlier holder, so that the file always has one.
            os.pwrite(descriptor, name, 0)
            os.ftruncate(descriptor, len(name))
            self._descriptor = descriptor

    def release(self) -> None:
        """Release the lock; does nothing if it is not held."""
        if self._descriptor is None:
            return
        # Unlinked while held: a process that opened the old file meanwhile sees that it is gone and retries.
        if _still_there(self._descriptor, self._path):
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None

    def leave_to_parent(self) -> None:
        """In a forked process: drop the inherited lock, which would otherwise outlast the parent that holds it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def _still_there(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
