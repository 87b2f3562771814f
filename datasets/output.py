"""Files that a user asked for: complete, or not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hlm.core.errors import ExistsError, MissingFileError
from hlm.core.files import replacing, storage_errors


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which becomes `path` at the end. After an error nothing remains.

    Raises:
        ExistsError: the file exists.
        MissingFileError: its folder does not exist.
        StorageError: the disk refused.
    """
    if path.exists():
        raise ExistsError(f"{path} is already there. Choose another name.")
    if not path.parent.is_dir():
        raise MissingFileError(f"no folder {path.parent} to write {path.name} into. Create it first.")
    with storage_errors("write", path), replacing(path) as new:
        yield new
