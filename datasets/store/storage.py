"""Writing that survives a crash, and the operating system's complaints in one line."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np

from hlm.core.errors import CorruptError, HlmError

CHECKSUM_BYTES = 4
NEW = ".new"
# The metadata of an episode has some kilobytes; a file from elsewhere must not fill the memory.
JSON_LIMIT_BYTES = 16 * 2**20

_ADVICE = {
    errno.ENOSPC: "Free some space; what was recorded so far can be kept with `hlm data recover`.",
    errno.EDQUOT: "Your disk quota is used up; what was recorded so far can be kept with `hlm data recover`.",
    errno.EFBIG: "The file system or a limit allows no larger file; keep what is there with `hlm data recover`.",
    errno.EROFS: "Choose a folder that can be written to.",
    errno.EACCES: "Choose a folder that can be written to.",
    errno.EPERM: "Choose a folder that can be written to.",
    errno.ENOENT: "It was moved or deleted meanwhile.",
}


class StorageError(HlmError):
    """The operating system refused to write or read."""


@contextmanager
def storage_errors(action: str, path: Path) -> Iterator[None]:
    """Turn an OSError inside into a StorageError `could not ACTION PATH: reason`."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        advice = _ADVICE.get(error.errno or 0, "")
        raise StorageError(f"could not {action} {path}: {reason}. {advice}".rstrip()) from error


def checksum(data: bytes) -> bytes:
    """CRC-32C of `data`, four bytes little-endian, as Zarr's crc32c codec appends it."""
    return int(google_crc32c.value(data)).to_bytes(CHECKSUM_BYTES, "little")


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`; one call of the system may take less when the disk is nearly full."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def write_durable(path: Path, data: bytes) -> None:
    """Write a new file and wait until the disk has it; one that was there keeps its content under its other names."""
    path.unlink(missing_ok=True)
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def write_atomic(path: Path, data: bytes) -> None:
    """Write a file that is there completely or not at all, whenever the machine stops."""
    temporary = path.with_name(path.name + NEW)
    write_durable(temporary, data)
    temporary.replace(path)
    sync_folder(path.parent)


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file of any size that is there completely or not at all, whenever the machine stops.

    Args:
        path: of the file.
        write: writes the whole content to a path; an empty file is there.
    """
    temporary = path.with_name(path.name + NEW)
    temporary.unlink(missing_ok=True)
    temporary.touch()
    mode = temporary.stat().st_mode
    try:
        write(temporary)
        # Some libraries make a file of their own in its place, which nobody else may read.
        temporary.chmod(mode)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Wait until the disk has the folder's entries."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def json_bytes(value: Any) -> bytes:
    """Indented UTF-8 JSON."""
    return json.dumps(value, indent=1, ensure_ascii=False, default=_plain).encode()


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        CorruptError: missing, too large, or not a JSON object.
    """
    try:
        with path.open("rb") as file:
            data = file.read(JSON_LIMIT_BYTES + 1)
    except FileNotFoundError:
        raise CorruptError(f"{path} is missing.") from None
    if len(data) > JSON_LIMIT_BYTES:
        raise CorruptError(f"{path} is larger than {JSON_LIMIT_BYTES} bytes; that is no metadata.")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CorruptError(f"{path} is no JSON: {error}.") from error
    if not isinstance(value, dict):
        raise CorruptError(f"{path} holds no JSON object.")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} does not fit into JSON")
