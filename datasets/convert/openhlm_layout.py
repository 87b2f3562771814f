"""OpenHLM's vector order, converted to the 34-D whole-body vector."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import MismatchError
from hlm.core.layout import pack

OPENHLM_BODY = 32


def from_openhlm(body: FloatArray, gripper_opening: FloatArray) -> FloatArray:
    """The 34-D vectors of OpenHLM's recorded bodies and hands.

    Args:
        body: [..., 32] `[0:3] roll, pitch, yaw rate | [3:32] the 29 joints in motor order`, rad and rad/s.
        gripper_opening: [..., 2] left, right; 1 = open.

    Returns:
        [..., 34] see `hlm.core.layout`.

    Raises:
        MismatchError: a last axis has another length.
    """
    array = np.asarray(body)
    if array.shape[-1:] != (OPENHLM_BODY,):
        raise MismatchError(
            f"OpenHLM's body vector must have {OPENHLM_BODY} entries, got an array of shape {list(array.shape)}."
        )
    return pack(array[..., 3:], gripper_opening, array[..., :3])
