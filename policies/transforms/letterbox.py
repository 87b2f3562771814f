"""Images of any shape in the network's size, whole and undistorted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hlm.core.arrays import ByteArray
from hlm.datasets.store.images import resize


class Box(NamedTuple):
    """Where an image lies inside the image that it was fitted into, px."""

    top: int
    left: int
    height: int
    width: int


def content_box(recorded: tuple[int, int], size: tuple[int, int]) -> Box:
    """Where an image of a recorded (height, width) lies in one of another size: as large as fits, in the middle."""
    (height, width), (into_height, into_width) = recorded, size
    # In whole numbers, so that equal shapes fill the image exactly.
    if height * into_width > width * into_height:
        inner_height, inner_width = into_height, max(1, width * into_height // height)
    else:
        inner_height, inner_width = max(1, height * into_width // width), into_width
    return Box((into_height - inner_height) // 2, (into_width - inner_width) // 2, inner_height, inner_width)


def letterbox(image: ByteArray, size: tuple[int, int]) -> ByteArray:
    """[height, width, 3] uint8 image in another (height, width), with its aspect ratio kept and the rest black.

    An image of the right aspect ratio is resized; an image of the right size is returned unchanged.
    """
    box = content_box((image.shape[0], image.shape[1]), size)
    content = resize(image, (box.height, box.width))
    if (box.height, box.width) == tuple(size):
        return content
    framed = np.zeros((*size, 3), np.uint8)
    framed[box.top : box.top + box.height, box.left : box.left + box.width] = content
    return framed
