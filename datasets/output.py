"""A file that somebody asked for: complete, or not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hlm.core.errors import ExistsError, MissingFileError
from hlm.core.files import replacing, storage_errors


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yields where to write; what is there at the end becomes `path`, and after an error nothing remains.

    Raises:
        ExistsError: the file is there.
        MissingFileError: its folder is not.
        StorageError: the disk would not take it.
    """
    if path.exists():
        raise ExistsError(f"{path} is already there. Choose another name.")
    if not path.parent.is_dir():
        raise MissingFileError(f"no folder {path.parent} to write {path.name} into. Make it first.")
    with storage_errors("write", path), replacing(path) as new:
        yield new
