"""A camera's images, read one by one without keeping a file open."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from hlm.core.arrays import ByteArray
from hlm.core.errors import CorruptError
from hlm.core.files import storage_errors
from hlm.datasets.store.images import decode, resize
from hlm.datasets.store.shard import SHARD_FILE, Frames, Index, read_frame


@dataclass(frozen=True, slots=True, eq=False)
class ImageReader:
    """The images of a camera by step.

    The index is kept, a file is open only while an image is being read: thousands of episodes need no more
    descriptors than one, and processes that were forked share nothing that moves. A shard that was replaced since is
    found, because the checksum of its images differs.

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
        """The images in a camera's folder.

        Raises:
            CorruptError: the index is missing or damaged.
        """
        with Frames(folder) as frames:
            return cls(folder / SHARD_FILE, frames.shape[1:3], frames.index)

    def read(self, step: int, size: tuple[int, int] | None = None) -> ByteArray:
        """[height, width, 3] uint8 RGB image of a step, in another (height, width) if asked for.

        Raises:
            CorruptError: missing or damaged.
            StorageError: the system would not read it.
        """
        where = f"{self.path} step {step}"
        with storage_errors("read", self.path):
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                frame = read_frame(descriptor, self.index[step].tolist(), where)
            finally:
                os.close(descriptor)
        try:
            image = decode(frame, self.size)
        except CorruptError as error:
            raise CorruptError(f"{where}: {error}") from error
        return resize(image, size or self.size)
