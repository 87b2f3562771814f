"""Messages of pictures as OpenHLM's robot sends them: the head's stereo camera raw, the pair of wrist cameras as JPEG.

Both are one ZeroMQ part without a topic that starts with three little-endian int32. A pair stands side by side in one
picture: the left half is the left eye, or the left wrist. Colours travel as BGR; images here are RGB.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from hlm.core.arrays import ByteArray
from hlm.core.errors import CorruptError, MismatchError
from hlm.core.jpeg import decode_jpeg, encode_jpeg

# OpenHLM's ports on the robot, and the sizes (height, width) in which its recorder keeps each half.
HEAD_PORT, WRIST_PORT = 5555, 5554
HEAD_SIZE, WRIST_SIZE = (400, 464), (480, 640)

_HEADER = struct.Struct("<3i")  # width and height of the pair, px; then channels (head) or bytes of the JPEG (wrists)
_MAX_SIDE_PX = 8192
_CHANNELS = (3, 4)  # BGR, BGRA


class ImagePair(NamedTuple):
    """Two images of one instant, each [height, width, 3] uint8 RGB."""

    left: ByteArray
    right: ByteArray


def pack_head(pair: ImagePair) -> bytes:
    """The message of the head's two eyes, with three channels; `unpack_head` is its inverse.

    Raises:
        MismatchError: the images differ in size.
    """
    joined = _joined(pair)
    height, width, channels = joined.shape
    return _HEADER.pack(width, height, channels) + joined[..., ::-1].tobytes()


def unpack_head(message: bytes) -> ImagePair:
    """The head's two eyes in a message.

    Raises:
        CorruptError: the numbers in front cannot be those of a pair of images, or the length is not theirs.
    """
    width, height, channels = _header(message, "head")
    if channels not in _CHANNELS:
        raise CorruptError(f"a head message has 3 or 4 channels, and this one says {channels}.")
    expected = _HEADER.size + width * height * channels
    if len(message) != expected:
        raise CorruptError(
            f"a head message of {width} x {height} pixels with {channels} channels has {expected} bytes, and this one "
            f"has {len(message)}."
        )
    pixels = np.frombuffer(message, np.uint8, offset=_HEADER.size).reshape(height, width, channels)
    return _split(pixels[..., 2::-1])


def pack_wrists(pair: ImagePair, quality: int = 90) -> bytes:
    """The message of the two wrist cameras; `unpack_wrists` is its inverse up to the loss of JPEG.

    Args:
        pair: of the left and the right wrist.
        quality: of the JPEG, 1 to 100.

    Raises:
        MismatchError: the images differ in size.
    """
    joined = _joined(pair)
    content = encode_jpeg(joined, quality)
    return _HEADER.pack(joined.shape[1], joined.shape[0], len(content)) + content


def unpack_wrists(message: bytes) -> ImagePair:
    """The images of the two wrist cameras in a message.

    Raises:
        CorruptError: the numbers in front cannot be those of a pair of images, or the JPEG is not what they say.
    """
    width, height, length = _header(message, "wrist")
    if len(message) != _HEADER.size + length:
        raise CorruptError(
            f"a wrist message says that its JPEG has {length} bytes, and {len(message) - _HEADER.size} follow."
        )
    return _split(decode_jpeg(message[_HEADER.size :], (height, width)))


def _header(message: bytes, kind: str) -> tuple[int, int, int]:
    if len(message) < _HEADER.size:
        raise CorruptError(f"a {kind} message starts with {_HEADER.size} bytes, and this one has {len(message)}.")
    width, height, third = _HEADER.unpack_from(message)
    if not (2 <= width <= 2 * _MAX_SIDE_PX and width % 2 == 0 and 1 <= height <= _MAX_SIDE_PX):
        raise CorruptError(f"a {kind} message says {width} x {height} pixels, which is no pair of images side by side.")
    return width, height, third


def _joined(pair: ImagePair) -> ByteArray:
    if pair.left.shape != pair.right.shape:
        raise MismatchError(
            f"a pair of images has one size, and these have {list(pair.left.shape)} and {list(pair.right.shape)}."
        )
    return np.concatenate(pair, axis=1)


def _split(joined: ByteArray) -> ImagePair:
    middle = joined.shape[1] // 2
    return ImagePair(joined[:, :middle], joined[:, middle:])
