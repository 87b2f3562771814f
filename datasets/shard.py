"""A camera's shard: JPEG files one after the other, each with its checksum, then the index."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from hlm.core.errors import CorruptError
from hlm.datasets.arrays import chunk_name, image_shape
from hlm.datasets.storage import CHECKSUM_BYTES, checksum, write_all

type Index = np.ndarray[Any, np.dtype[np.uint64]]

SHARD_FILE = chunk_name(4)


def seal(path: Path, index: Index) -> None:
    """Make a shard of a file of checksummed frames: cut off what follows the last frame, append the index, sync.

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
    """The JPEG files of a camera, by row; a context manager that keeps the shard mapped."""

    def __init__(self, folder: Path) -> None:
        self.shape = image_shape(folder)
        self._path = folder / SHARD_FILE
        self._map, self.index = self._open()

    def __len__(self) -> int:
        return self.shape[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._map.close()

    def jpeg(self, row: int) -> bytes:
        """The JPEG file of a row, after checking its checksum.

        Raises:
            CorruptError: missing or damaged.
        """
        return checked_frame(self._map, self.index[row].tolist(), f"{self._path} row {row}")

    def _open(self) -> tuple[mmap.mmap, Index]:
        try:
            with self._path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            raise CorruptError(f"{self._path} is missing.") from None
        except ValueError:
            raise CorruptError(f"{self._path} is empty.") from None
        size = 16 * len(self)
        table = mapped[-size - CHECKSUM_BYTES : -CHECKSUM_BYTES]
        if len(table) != size or checksum(table) != mapped[-CHECKSUM_BYTES:]:
            mapped.close()
            raise CorruptError(f"{self._path} is damaged: the checksum of its index differs.")
        return mapped, np.frombuffer(table, "<u8").reshape(-1, 2)


def checked_frame(data: mmap.mmap | bytes, entry: Sequence[int], where: str) -> bytes:
    """The JPEG file at an index entry (offset and length), without its checksum.

    Raises:
        CorruptError: outside `data`, or the checksum differs.
    """
    start, length = entry
    if length <= CHECKSUM_BYTES or start + length > len(data):
        raise CorruptError(f"{where}: the picture is missing.")
    frame = data[start : start + length - CHECKSUM_BYTES]
    if checksum(frame) != data[start + length - CHECKSUM_BYTES : start + length]:
        raise CorruptError(f"{where}: the picture is damaged, its checksum differs.")
    return frame
