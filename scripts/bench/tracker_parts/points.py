"""Points of a person's body that every recording of people has, and what follows from them: lengths and balance."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from hlm.core.arrays import FloatArray

_SIDE = ("hip", "knee", "ankle", "toe", "shoulder", "elbow", "wrist")
POINTS: tuple[str, ...] = (
    "pelvis",
    "spine",
    "neck",
    *(f"left_{name}" for name in _SIDE),
    *(f"right_{name}" for name in _SIDE),
)
"""Names of the points; [time, point, 3] arrays are in this order, m, z up."""

# Winter, Biomechanics and Motor Control of Human Movement, table 4.1: share of the body's mass, and where between two
# points its centre lies. The trunk takes the head with it; forearm and hand are one.
_SEGMENTS = (
    ("hip", "knee", 0.100, 0.433),
    ("knee", "ankle", 0.0465, 0.433),
    ("ankle", "toe", 0.0145, 0.5),
    ("shoulder", "elbow", 0.028, 0.436),
    ("elbow", "wrist", 0.022, 0.682),
)
_TRUNK_SHARE, _TRUNK_CENTER = 0.578, 0.66


def point(points_m: FloatArray, name: str) -> FloatArray:
    """[time, 3] one point by name."""
    found: FloatArray = points_m[:, POINTS.index(name)]
    return found


def chosen(joints_m: FloatArray, names: tuple[str, ...], index_of: dict[str, int]) -> FloatArray:
    """[time, point, 3] the points `names` of a recording's [time, joint, 3], whose indices are known by name."""
    return joints_m[:, [index_of[name] for name in names]]


def chain_length_m(points_m: FloatArray, *names: str) -> float:
    """Length of a chain of points, the median over the recording and both sides, m."""
    total = 0.0
    for start, end in pairwise(names):
        for side in ("left", "right"):
            offset_m = point(points_m, f"{side}_{end}") - point(points_m, f"{side}_{start}")
            total += 0.5 * float(np.median(np.linalg.norm(offset_m, axis=-1)))
    return total


def center_of_mass_m(points_m: FloatArray) -> FloatArray:
    """[time, 3] centre of mass of a person, from the masses of the segments."""
    hips_m = 0.5 * (point(points_m, "left_hip") + point(points_m, "right_hip"))
    trunk_m = hips_m + _TRUNK_CENTER * (point(points_m, "neck") - hips_m)
    total, shares = _TRUNK_SHARE * trunk_m, _TRUNK_SHARE
    for start, end, share, where in _SEGMENTS:
        for side in ("left", "right"):
            start_m, end_m = (point(points_m, f"{side}_{name}") for name in (start, end))
            total = total + share * (start_m + where * (end_m - start_m))
            shares += share
    return total / shares
