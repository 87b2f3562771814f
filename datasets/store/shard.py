"""The shard of a camera: image files one after the other, each with its checksum, then the index."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from hlm.core.errors import CorruptError
from hlm.core.files import write_all
from hlm.datasets.store.arrays import chunk_name, image_shape
from hlm.datasets.store.checksum import CHECKSUM_BYTES, checksum

type Index = np.ndarray[Any, np.dtype[np.uint64]]

SHARD_FILE = chunk_name(4)


def seal(path: Path, index: Index) -> None:
    """Complete a file of frames with checksums to a shard: cut off what follows the last frame and append the index.

    Args:
        path: the file.
        index: [time, 2] offset and length of each frame with its checksum, bytes; not empty.
    """
    table = index.astype("<u8").tobytes()
    with path.open("r+b") as file:
        file.truncate(int(index[:, 0][-1] + index[:, 1][-1]))
        file.seek(0, os.SEEK_END)
        write_all(file.fileno(), table + checksum(table))
        os.fsync(file.fileno())


class Frames:
    """The image files of a camera, by step; a context manager that keeps the shard open."""

    def __init__(self, folder: Path) -> None:
        self.shape = image_shape(folder)
        self._path = folder / SHARD_FILE
        try:
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise CorruptError(f"{self._path} is missing.") from None
        try:
            self.index = self._read_index()
        except BaseException:
            os.close(self._descriptor)
            raise

    def __len__(self) -> int:
        return self.shape[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._descriptor)

    def file(self, step: int) -> bytes:
        """Read the image file of a step, JPEG or AVIF, after verifying its checksum.

        Raises:
            CorruptError: the file is missing or damaged.
        """
        return read_frame(self._descriptor, self.index[step].tolist(), f"{self._path} step {step}")

    def _read_index(self) -> Index:
        size = 16 * len(self) + CHECKSUM_BYTES
        start = os.fstat(self._descriptor).st_size - size
        if start < 0:
            raise CorruptError(f"{self._path} is damaged: it is too short for the index of {len(self)} frames.")
        table = os.pread(self._descriptor, size, start)
        if len(table) != size or checksum(table[:-CHECKSUM_BYTES]) != table[-CHECKSUM_BYTES:]:
            raise CorruptError(f"{self._path} is damaged: the checksum of its index differs.")
        return np.frombuffer(table[:-CHECKSUM_BYTES], "<u8").reshape(-1, 2)


def read_frame(descriptor: int, entry: Sequence[int], where: str) -> bytes:
    """Read an image file from an open shard, after verifying its checksum.

    Reading is positional, so threads and forked processes may share the descriptor.

    Args:
        descriptor: file descriptor of the shard.
        entry: offset, and length with checksum, bytes.
        where: what is read, for the error.

    Raises:
        CorruptError: the entry lies outside the file, or the checksum differs.
    """
    start, length = entry
    if length <= CHECKSUM_BYTES or start + length > os.fstat(descriptor).st_size:
        raise CorruptError(f"{where}: the image is missing.")
    data = os.pread(descriptor, length, start)
    frame = data[:-CHECKSUM_BYTES]
    if len(data) != length or checksum(frame) != data[-CHECKSUM_BYTES:]:
        raise CorruptError(f"{where}: the image is damaged, its checksum differs.")
    return frame
