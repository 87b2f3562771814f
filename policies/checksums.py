"""Checksums of a checkpoint's files: one damaged in copying, or edited, is told by name instead of being used.

`SHA256SUMS` stands beside the files, in coreutils' format: `sha256sum --check SHA256SUMS` checks them without hlm.
While files are being replaced it lists the old and the new checksum of each, and either is right: a process that is
killed in between leaves files that pass. A file that it does not list is not checked, so that checkpoints of older
versions load, and so does a file that was edited on purpose, once its line is gone.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from hlm.core.errors import CorruptError
from hlm.core.files import storage_errors, write_atomic

CHECKSUM_FILE = "SHA256SUMS"
_LINE = re.compile(r"([0-9a-f]{64}) [ *]([^/\s]+)")

type Checksums = Mapping[str, tuple[str, ...]]
"""SHA-256 of each file by name, in hexadecimal digits; several while it is being replaced."""


class HashedFile:
    """A binary file to write to that hashes what passes through, which saves reading a large file again.

    Attributes:
        sha256: of everything written so far.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Write and hash."""
        self.sha256.update(data)
        return self._file.write(data)

    def flush(self) -> None:
        """Flush the file."""
        self._file.flush()


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits.

    Raises:
        StorageError: it cannot be read.
    """
    with storage_errors("read", path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_checksums(folder: Path) -> Checksums:
    """The checksums in a folder; none if it has no list of them.

    Raises:
        CorruptError: the list is damaged.
    """
    path = folder / CHECKSUM_FILE
    if not path.is_file():
        return {}
    with storage_errors("read", path):
        lines = path.read_bytes().decode(errors="replace").splitlines()
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(lines, 1):
        if (parts := _LINE.fullmatch(line)) is None:
            raise CorruptError(f"{path} is damaged in line {number}. Copy the checkpoint again.")
        found[parts[2]] = (*found.get(parts[2], ()), parts[1])
    return found


def must_match(folder: Path, name: str) -> None:
    """Check a file against its checksum, if the folder lists one.

    Raises:
        CorruptError: the file, or the list of checksums, is damaged or was edited.
    """
    listed, path = read_checksums(folder), folder / name
    while name in listed and path.is_file():
        found = checksum(path)
        if found in listed[name]:
            return
        before, listed = listed, read_checksums(folder)
        # A run that saves meanwhile replaces both.
        if listed == before:
            raise CorruptError(
                f"{path} is damaged or was edited: its SHA-256 is {found[:8]}..., and {CHECKSUM_FILE} says "
                f"{listed[name][-1][:8]}... Copy the checkpoint again; if the edit is meant, delete the line of {name} "
                f"from {CHECKSUM_FILE}."
            )


def announce(folder: Path, new: Mapping[str, str]) -> None:
    """List the checksums of files that are about to be replaced, beside those of the files that are still there.

    Args:
        folder: the folder.
        new: SHA-256 of each new file by name.
    """
    listed = _still_readable(folder)
    for name, after in new.items():
        path = folder / name
        # An older version may have written the file without a checksum.
        before = listed.get(name) or ((checksum(path),) if path.is_file() else ())
        listed[name] = tuple(dict.fromkeys((*before, after)))
    _write(folder, listed)


def settle(folder: Path, new: Mapping[str, str]) -> None:
    """List one checksum for each file that was replaced, and none for files that are gone."""
    listed = _still_readable(folder) | {name: (after,) for name, after in new.items()}
    # Without this list the announced one stays, which is right as well; the next save tries again.
    with contextlib.suppress(OSError):
        _write(folder, {name: sums for name, sums in listed.items() if (folder / name).is_file()})


def _still_readable(folder: Path) -> dict[str, tuple[str, ...]]:
    """The checksums in a folder; none if they are damaged, which must not keep a run from saving."""
    try:
        return dict(read_checksums(folder))
    except CorruptError:
        return {}


def _write(folder: Path, listed: Checksums) -> None:
    lines = [f"{sha256}  {name}\n" for name in sorted(listed) for sha256 in listed[name]]
    write_atomic(folder / CHECKSUM_FILE, "".join(lines).encode())
