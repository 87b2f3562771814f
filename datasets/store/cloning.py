"""Second copies of files and folders, as links where the file system has them."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path

type PlaceFile = Callable[[Path, Path], object]

_CANNOT_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS)


def clone(source: Path, target: Path, place: PlaceFile) -> None:
    """Give a file, or a folder with everything in it, a second place; symbolic links stay what they are."""
    if not source.is_dir():
        place(source, target)
        return
    target.mkdir()
    for entry in source.iterdir():
        if entry.is_symlink():
            (target / entry.name).symlink_to(entry.readlink())
        else:
            clone(entry, target / entry.name, place)


def link(source: Path, target: Path) -> None:
    """A second name for a file; a copy where the file system has none to give."""
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        copy(source, target)
        with target.open("rb") as file:
            os.fsync(file.fileno())


def copy(source: Path, target: Path) -> None:
    """A file of its own with the same content."""
    shutil.copyfile(source, target)
