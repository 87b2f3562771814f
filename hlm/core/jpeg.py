"""Images as JPEG: whole or refused."""

from __future__ import annotations

import imagecodecs
import numpy as np

from hlm.core.arrays import ByteArray
from hlm.core.errors import CorruptError

# Markers of ISO/IEC 10918-1, table B.1.
_START, _END = b"\xff\xd8", b"\xff\xd9"
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD8)})
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def encode_jpeg(image: ByteArray, quality: int = 90) -> bytes:
    """The JPEG of a [height, width, 3] uint8 RGB image; `quality` from 1 to 100."""
    return bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(image), level=quality))


def jpeg_size(content: bytes) -> tuple[int, int]:
    """Height and width that a JPEG's header states, px, without decoding it.

    Raises:
        CorruptError: it is no JPEG, or ends before its image does.
    """
    if not content.startswith(_START):
        raise CorruptError("this is no JPEG: its first two bytes are not FF D8.")
    # Cameras that send a fixed number of bytes fill up with zeros.
    if not content.rstrip(b"\0").endswith(_END):
        raise CorruptError(f"this JPEG of {len(content)} bytes is cut off: it does not end with FF D9.")
    place = 2
    while place + 9 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker in _FRAME_HEADERS:
            return int.from_bytes(content[place + 5 : place + 7]), int.from_bytes(content[place + 7 : place + 9])
        if marker == 0xFF:
            place += 1
        else:
            has_length = marker not in _WITHOUT_LENGTH
            place += 2 + (int.from_bytes(content[place + 2 : place + 4]) if has_length else 0)
    raise CorruptError("this JPEG has no frame header, which says how large its image is.")


def decode_jpeg(content: bytes, size: tuple[int, int]) -> ByteArray:
    """[height, width, 3] uint8 RGB image of a JPEG that is known to have this `size`.

    Raises:
        CorruptError: it is no JPEG, is cut off, damaged, not in colour, or of another size. One that claims to be huge
            costs nothing.
    """
    if (found := jpeg_size(content)) != tuple(size):
        raise CorruptError(
            f"this JPEG has {found[1]} x {found[0]} pixels (width x height), and {size[1]} x {size[0]} were announced."
        )
    try:
        image: ByteArray = imagecodecs.jpeg8_decode(content)
    except (RuntimeError, ValueError) as error:
        raise CorruptError(f"this JPEG of {len(content)} bytes cannot be decoded: {error}.") from error
    if image.shape != (*size, 3):
        raise CorruptError(f"this JPEG is not in colour: its image has the shape {list(image.shape)}.")
    return image
