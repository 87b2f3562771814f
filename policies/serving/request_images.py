"""Images of a request: any size, bytes or floats, colours last or first."""

from __future__ import annotations

from typing import Any

import numpy as np

from hlm.core.arrays import ByteArray
from hlm.core.errors import InputError, MismatchError
from hlm.core.policy import MAX_SIDE_PX

_COLOURS = 3
_WHITE = 255.0


def request_image(array: Any, key: str) -> ByteArray:
    """[height, width, 3] uint8 RGB image; an image that already is one is returned unchanged.

    Args:
        array: RGB image, [height, width, 3] or [3, height, width], uint8 or floats from 0 to 1.
        key: what the request calls it.

    Raises:
        InputError: not an array; floats outside 0 to 1.
        MismatchError: another shape or type.
    """
    if not isinstance(array, np.ndarray):
        raise InputError(f"'{key}' must be an array, got {type(array).__name__}; leave a missing camera out.")
    if array.ndim == 3 and array.shape[2] != _COLOURS and array.shape[0] == _COLOURS:
        array = array.transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[2] != _COLOURS or not all(1 <= side <= MAX_SIDE_PX for side in array.shape[:2]):
        raise MismatchError(
            f"'{key}' has shape {list(array.shape)}; an RGB image has [height, width, 3] or [3, height, width], with "
            f"sides of 1 to {MAX_SIDE_PX} px."
        )
    if array.dtype.kind == "f":
        return _bytes(array, key)
    if array.dtype != np.uint8:
        raise MismatchError(f"'{key}' must be uint8, or floats from 0 to 1; got {array.dtype}.")
    return array


def _bytes(array: np.ndarray[Any, Any], key: str) -> ByteArray:
    """Rounded, so that bytes divided by 255 come back."""
    if not (array.min() >= 0.0 and array.max() <= 1.0):
        raise InputError(
            f"'{key}' has floats from {array.min():g} to {array.max():g}; send floats from 0 to 1, or uint8."
        )
    return np.rint(_WHITE * array).astype(np.uint8)
