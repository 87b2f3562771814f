"""Poses of WebXR: x to the right, y up, z back; a position in m and a quaternion with its real part last."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError
from hlm.core.rotations import matrix_from_quat
from hlm.teleop.web.numbers import finite_number

# Our x (ahead) is their -z, our y (to the left) their -x, our z (up) their y; holds of the axes of bodies too.
_OURS_FROM_THEIRS = np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
_LENGTH_TOLERANCE = 0.01


def pose_from_webxr(values: object) -> FloatArray:
    """[4, 4] pose in our axes of the seven numbers of one of theirs.

    Args:
        values: as they came from a page: position (3) and quaternion xyzw (4).

    Raises:
        CorruptError: they are no pose.
    """
    found = [finite_number(value) for value in values] if isinstance(values, list) else []
    if len(found) != 7 or None in found:
        raise CorruptError(f"a headset's pose must be seven numbers, got {str(values)[:80]}.")
    numbers = np.array(found, dtype=np.float64)
    length = float(np.sqrt(np.square(numbers[3:]).sum()))
    if abs(length - 1.0) > _LENGTH_TOLERANCE:
        raise CorruptError(f"a headset's orientation must be a unit quaternion, got one of length {length:g}.")
    pose = np.eye(4)
    pose[:3, :3] = _OURS_FROM_THEIRS @ matrix_from_quat(numbers[[6, 3, 4, 5]] / length) @ _OURS_FROM_THEIRS.T
    pose[:3, 3] = _OURS_FROM_THEIRS @ numbers[:3]
    return pose
