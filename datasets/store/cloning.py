"""Second copies of files and folders, as links where the file system has them."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

type PlaceFile = Callable[[Path, Path], object]

_CANNOT_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS)


def clone(original: Path, target: Path, place: PlaceFile) -> None:
    """Copy a file, or a folder with all its files, through `place`. Symbolic links stay symbolic links."""
    if not original.is_dir():
        place(original, target)
        return
    target.mkdir()
    for entry in original.iterdir():
        if entry.is_symlink():
            (target / entry.name).symlink_to(entry.readlink())
        else:
            clone(entry, target / entry.name, place)


def link(original: Path, target: Path) -> None:
    """Hard-link a file; copy it where the file system has no hard links."""
    try:
        target.hardlink_to(original)
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        copy(original, target)
        with target.open("rb") as file:
            os.fsync(file.fileno())


def copy(original: Path, target: Path) -> None:
    """Copy a file."""
    shutil.copyfile(original, target)
