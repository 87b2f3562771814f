"""Random access to a camera's images, without keeping a file open."""

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
    """Reader of a camera's images, by step.

    The index stays in memory; the file is open only while an image is read. So thousands of episodes need no more file
    descriptors than one, and forked processes share no file position. If the shard is replaced meanwhile, the checksums
    of its images no longer match and reading fails.

    Attributes:
        path: file of the shard.
        size: (height, width) of the images as recorded, px.
        index: [time, 2] offset and length of each image file with its checksum, bytes.
    """

    path: Path
    size: tuple[int, int]
    index: Index

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the shard in a camera's folder.

        Raises:
            CorruptError: the index is missing or damaged.
        """
        with Frames(folder) as frames:
            return cls(folder / SHARD_FILE, frames.shape[1:3], frames.index)

    def read(self, step: int, size: tuple[int, int] | None = None) -> ByteArray:
        """Read the [height, width, 3] uint8 RGB image of a step.

        Args:
            step: number of the step, >= 0.
            size: (height, width) to resize to. As recorded by default.

        Raises:
            CorruptError: the image is missing or damaged.
            StorageError: the file cannot be read.
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
