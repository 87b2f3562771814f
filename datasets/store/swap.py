"""Atomic exchange of two folders."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

from hlm.core.errors import StorageError
from hlm.core.files import sync_folder

# Source: Linux man page renameat2(2) and <linux/fs.h>.
_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_UNSUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


def swap(first: Path, second: Path) -> None:
    """Exchange the names of two folders, atomically and durably.

    Raises:
        StorageError: the file system cannot exchange folders.
        OSError: any other refusal of the system.
    """
    system = ctypes.CDLL(None, use_errno=True)
    places = (_AT_FDCWD, os.fsencode(first), _AT_FDCWD, os.fsencode(second))
    if system.renameat2(*places, _RENAME_EXCHANGE) != 0:
        code = ctypes.get_errno()
        if code in _UNSUPPORTED:
            raise StorageError(
                f"the file system of {first.parent} cannot exchange two folders at once. "
                f"Copy {first.name} to a local disk, change it there, and copy it back."
            )
        raise OSError(code, os.strerror(code), str(first))
    for parent in {first.parent, second.parent}:
        sync_folder(parent)
