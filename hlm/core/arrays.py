"""Array types and the checks that values make on their arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hlm.core.errors import MismatchError

type FloatArray = npt.NDArray[np.floating[Any]]
type ByteArray = npt.NDArray[np.uint8]
type BoolArray = npt.NDArray[np.bool_]


def frozen(array: npt.ArrayLike, shape: tuple[int | None, ...], name: str, dtype: npt.DTypeLike = np.float64) -> Any:
    """A read-only copy of `array` in `dtype`, after checking its shape; None in `shape` takes any length.

    Raises:
        MismatchError: the shape differs.
    """
    copy = np.array(array, dtype=dtype)
    fits = copy.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, copy.shape, strict=True))
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise MismatchError(f"{name} must have shape [{wanted}], got {list(copy.shape)}.")
    copy.flags.writeable = False
    return copy
