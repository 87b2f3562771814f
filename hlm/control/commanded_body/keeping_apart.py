"""Arms give way, and slide along what they must not come nearer to, instead of standing still there."""

from __future__ import annotations

import numpy as np

from hlm.control.self_distance import SelfDistance
from hlm.core.arrays import FloatArray
from hlm.core.layout import MOTOR_ARMS

# Pairs of shapes that may come too near meanwhile; sweeps over them until none of them does, and how often anew.
_SOON_M, _SWEEPS, _TURNS = 0.06, 6, 2
# Beyond what is asked, for what the linear steps miss.
_SPARE_M = 0.001
_FLAT_M_RAD = 1e-4


def kept_apart(distance: SelfDistance, least_m: float, joint_position_rad: FloatArray) -> FloatArray:
    """[29] the angles with arms that were moved as little as it needs for no shape to be nearer than `least_m`.

    A few linear steps: what they reach is to be looked at.

    Args:
        distance: of the robot from itself.
        least_m: nearest that a shape of an arm may be to another one.
        joint_position_rad: [29] where arms would like to be.
    """
    angles_rad, wanted_m = joint_position_rad, least_m + _SPARE_M
    for _ in range(_TURNS):
        gaps = distance.gaps(angles_rad, wanted_m + _SOON_M)
        change_rad = np.zeros_like(angles_rad)
        for _ in range(_SWEEPS):
            for distance_m, gradient in zip(gaps.distance_m, gaps.gradient_m_rad, strict=True):
                arms = gradient[MOTOR_ARMS]
                missing_m = wanted_m - distance_m - gradient @ change_rad
                if missing_m > 0.0 and arms @ arms > _FLAT_M_RAD:
                    change_rad[MOTOR_ARMS] += arms * (missing_m / (arms @ arms))
        angles_rad = angles_rad + change_rad
    return angles_rad
