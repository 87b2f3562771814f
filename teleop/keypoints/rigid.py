"""Small rotations and directions of a person's parts, one at a time and fast."""

from __future__ import annotations

import math

import numpy as np
import pinocchio as pin

from hlm.core.arrays import FloatArray

UP = np.array([0.0, 0.0, 1.0])


def cross(one: FloatArray, other: FloatArray) -> FloatArray:
    """[3] vector product of two [3] vectors; NumPy's own takes ten times as long."""
    a, b, c = one.tolist()
    x, y, z = other.tolist()
    return np.array([b * z - c * y, c * x - a * z, a * y - b * x])


def known(*vectors: FloatArray) -> bool:
    """Whether all numbers are numbers."""
    return all(math.isfinite(vector.sum()) for vector in vectors)


def unit(vector: FloatArray) -> FloatArray:
    """[3] direction of a [3] vector; not numbers where it has no length."""
    length = float(np.sqrt(vector @ vector))
    return vector / length if length > 1e-9 else np.full(3, np.nan)


def frame_of(left: FloatArray, up: FloatArray) -> FloatArray:
    """[3, 3] orientation whose z axis points up and whose y axis points to the left as far as it can."""
    z = unit(up)
    x = unit(cross(left, z))
    return np.column_stack([x, cross(z, x), z])


def yaw_of(rotation: FloatArray) -> float:
    """Heading of a [3, 3] orientation, rad: of its x axis, or of its z axis turned over where x is upright."""
    if abs(rotation[2, 0]) < 0.9:
        return float(np.arctan2(rotation[1, 0], rotation[0, 0]))
    # Lying on the face, x points down and z ahead; lying on the back it is the other way round.
    sign = -np.sign(rotation[2, 0])
    return float(np.arctan2(sign * rotation[1, 2], sign * rotation[0, 2]))


def about_z(yaw_rad: float) -> FloatArray:
    """[3, 3] rotation about the vertical."""
    c, s = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def between(start: FloatArray, end: FloatArray, share: float) -> FloatArray:
    """[3, 3] rotation that is a share of the way from one rotation to another."""
    if share >= 1.0:
        return end
    turned: FloatArray = start @ pin.exp3(share * pin.log3(start.T @ end))
    return turned


def uprighted(rotation: FloatArray, most_rad: float) -> FloatArray:
    """[3, 3] orientation turned back, along the shortest way, until its z axis is at most so far from the vertical."""
    tilt_rad = math.acos(min(1.0, max(-1.0, float(rotation[2, 2]))))
    axis = cross(rotation[:, 2], UP)
    if tilt_rad <= most_rad or not axis.any():
        return rotation
    turned: FloatArray = pin.exp3((tilt_rad - most_rad) * unit(axis)) @ rotation
    return turned
