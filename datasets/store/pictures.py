"""A camera's pictures, read one by one without keeping a file open."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hlm.core.arrays import ByteArray
from hlm.core.errors import CorruptError
from hlm.datasets.store.images import decode, resize
from hlm.datasets.store.shard import SHARD_FILE, Frames, Index, read_frame
from hlm.datasets.store.storage import storage_errors


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """The pictures of a camera by row.

    The index is kept, a file is open only while a picture is being read: thousands of episodes need no more
    descriptors than one, and processes that were forked share nothing that moves. A shard that was replaced since is
    found, because the checksum of its pictures differs.

    Attributes:
        path: the shard.
        size: (height, width) as recorded.
        index: [time, 2] offset and length of each JPEG file with its checksum, bytes.
    """

    path: Path
    size: tuple[int, int]
    index: Index

    @classmethod
    def open(cls, folder: Path) -> Self:
        """The pictures in a camera's folder.

        Raises:
            CorruptError: the index is missing or damaged.
        """
        with Frames(folder) as frames:
            return cls(folder / SHARD_FILE, frames.shape[1:3], frames.index)

    def read(self, row: int, size: tuple[int, int] | None = None) -> ByteArray:
        """[height, width, 3] uint8 RGB picture of a row, in another (height, width) if asked for.

        Raises:
            CorruptError: missing or damaged.
            StorageError: the system would not read it.
        """
        where = f"{self.path} row {row}"
        with storage_errors("read", self.path):
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                frame = read_frame(descriptor, self.index[row].tolist(), where)
            finally:
                os.close(descriptor)
        try:
            picture = decode(frame, self.size)
        except CorruptError as error:
            raise CorruptError(f"{where}: {error}") from error
        return resize(picture, size or self.size)
