"""Encoding, decoding and resizing of images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import imagecodecs
import numpy as np

from hlm.core.arrays import ByteArray
from hlm.core.errors import CorruptError, InputError, UnknownNameError

type Codec = Literal["jpeg", "avif"]
CODECS: tuple[Codec, ...] = get_args(Codec.__value__)
# Measured by scripts/bench/images.py, see datasets/README.md.
_QUALITIES: dict[Codec, int] = {"jpeg": 90, "avif": 60}
# Of libaom: 0 smallest files to 10 fastest. 9 takes a third of the time, for 4 dB less from a third more space.
_AVIF_SPEED = 8
_AVIF_MARK = b"ftypavif"
# Quality of a JPEG file that is made of one in another format, for programs that read no other.
_COPY_QUALITY = 95


@dataclass(frozen=True, slots=True)
class ImageFormat:
    """How images are stored.

    Attributes:
        codec: one of `CODECS`.
        quality: 1 to 100, a scale of the codec's own. None: the codec's default.
    """

    codec: Codec = "jpeg"
    quality: int | None = None

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            UnknownNameError: an unknown codec.
            InputError: a quality out of range.
        """
        if self.codec not in CODECS:
            raise UnknownNameError("image codec", self.codec, CODECS)
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise InputError(f"image quality must be from 1 to 100, got {self.quality}.")

    @property
    def level(self) -> int:
        """The quality that is used."""
        return _QUALITIES[self.codec] if self.quality is None else self.quality

    def encode(self, image: ByteArray) -> bytes:
        """Encode a [height, width, 3] uint8 RGB image as a file, with as many colour as brightness samples."""
        image = np.ascontiguousarray(image)
        if self.codec == "avif":
            return bytes(imagecodecs.avif_encode(image, level=self.level, speed=_AVIF_SPEED, numthreads=1))
        return bytes(imagecodecs.jpeg8_encode(image, level=self.level, subsampling="444"))


def codec_of(data: bytes) -> Codec:
    """The codec of an image file, which its first bytes say; "jpeg" for anything unknown."""
    return "avif" if data[4:12] == _AVIF_MARK else "jpeg"


def as_jpeg(data: bytes, size: tuple[int, int]) -> bytes:
    """An image file as a JPEG file: itself, byte for byte, or its image encoded once more.

    Args:
        data: content of the file.
        size: (height, width) of the image, px.

    Raises:
        CorruptError: see `decode`.
    """
    return data if codec_of(data) == "jpeg" else ImageFormat("jpeg", _COPY_QUALITY).encode(decode(data, size))


def decode(data: bytes, size: tuple[int, int]) -> ByteArray:
    """Decode an image file into a [height, width, 3] uint8 RGB image.

    Args:
        data: content of the file.
        size: (height, width) that the image must have, px.

    Raises:
        CorruptError: `data` is neither a JPEG nor an AVIF file, or its image has another size.
    """
    image = np.empty((*size, 3), np.uint8)
    try:
        # Into an array of the right size, so that a file that claims a huge image gets no memory for it.
        if codec_of(data) == "avif":
            imagecodecs.avif_decode(data, numthreads=1, out=image)
        else:
            imagecodecs.jpeg8_decode(data, out=image)
    except (RuntimeError, ValueError) as error:
        raise CorruptError(f"an image cannot be decoded as RGB of {size[0]}x{size[1]} pixels: {error}.") from error
    return image


def resize(image: ByteArray, size: tuple[int, int]) -> ByteArray:
    """Resize an image to (height, width): area averages when it shrinks, linear interpolation when it grows."""
    height, width = size
    if image.shape[:2] == (height, width):
        return image
    shrinks = height <= image.shape[0] and width <= image.shape[1]
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.uint8)
