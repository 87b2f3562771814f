"""The linear inverted pendulum of a walk: motion of its divergent component (DCM) and centre of mass on a grid of time.

`decay` is the share of the distance between ZMP and DCM that is left a step of the grid earlier:
exp(-frequency x step).
"""

from __future__ import annotations

from typing import NamedTuple

from hlm.core.arrays import FloatArray


class PendulumState(NamedTuple):
    """Where the pendulum is, x and y in m.

    Attributes:
        com_m: [2] centre of mass.
        dcm_m: [2] divergent component of motion: the centre of mass + its velocity / the pendulum's frequency.
        zmp_m: [2] zero-moment point.
    """

    com_m: FloatArray
    dcm_m: FloatArray
    zmp_m: FloatArray


def dcm_to_rest(zmp_m: FloatArray, decay: float) -> FloatArray:
    """[time, ...] DCM that comes to rest at the end of [time, ...] ZMP, m."""
    dcm_m = zmp_m.copy()
    for instant in range(len(zmp_m) - 2, -1, -1):
        dcm_m[instant] = zmp_m[instant] + decay * (dcm_m[instant + 1] - zmp_m[instant])
    return dcm_m


def com_towards(dcm_m: FloatArray, begin_m: FloatArray, decay: float) -> FloatArray:
    """[time, 2] centre of mass that begins at [2] and follows [time, 2] DCM, m."""
    com_m = dcm_m.copy()
    com_m[0] = begin_m
    for instant in range(len(com_m) - 1):
        com_m[instant + 1] = dcm_m[instant] + decay * (com_m[instant] - dcm_m[instant])
    return com_m
