"""Array types, and read-only arrays of a checked shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hlm.core.errors import MismatchError

type FloatArray = npt.NDArray[np.floating[Any]]
type ByteArray = npt.NDArray[np.uint8]
type BoolArray = npt.NDArray[np.bool_]


def frozen(array: npt.ArrayLike, shape: tuple[int | None, ...], name: str, dtype: npt.DTypeLike = np.float64) -> Any:
    """Copy an array, check its shape and make it read-only.

    Args:
        array: values.
        shape: expected shape; None stands for any length.
        name: what to call the array in errors.
        dtype: type of the copy.

    Raises:
        MismatchError: the array has another shape.
    """
    copy = np.array(array, dtype=dtype)
    fits = copy.ndim == len(shape) and all(want in (None, got) for want, got in zip(shape, copy.shape, strict=True))
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise MismatchError(f"{name} must have shape [{wanted}], got {list(copy.shape)}.")
    copy.flags.writeable = False
    return copy
