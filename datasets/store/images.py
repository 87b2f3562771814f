"""Encoding, decoding and resizing of images."""

from __future__ import annotations

import cv2
import imagecodecs
import numpy as np

from hlm.core.arrays import ByteArray
from hlm.core.errors import CorruptError

QUALITY = 95


def encode(image: ByteArray) -> bytes:
    """Encode a [height, width, 3] uint8 RGB image as a JPEG file."""
    return bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(image), level=QUALITY))


def decode(data: bytes, size: tuple[int, int]) -> ByteArray:
    """Decode a JPEG file into a [height, width, 3] uint8 RGB image.

    Args:
        data: content of the file.
        size: (height, width) that the image must have, px.

    Raises:
        CorruptError: `data` is not a JPEG file, or its image has another size.
    """
    image = np.empty((*size, 3), np.uint8)
    try:
        # Into an array of the right size, so that a file that claims a huge image gets no memory for it.
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
