"""The range of references: what a robot's joints, pelvis and grippers can be asked for, and what nobody means."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.layout import NAMES, UNITS, pack
from hlm.core.yaw_rate import MAX_YAW_RATE_RAD_S

MAX_TILT_RAD = 0.9
# A policy overshoots the ranges that it learnt from by hundredths. Who asks for this much more, in the unit of each
# dimension, does not mean the nearest angle that exists.
OUTRAGEOUS = 1.0


class ReferenceRange:
    """Least and largest value of each dimension.

    Args:
        embodiment: whose joint limits hold.

    Attributes:
        lower: [34] least values.
        upper: [34] largest values.
    """

    def __init__(self, embodiment: Embodiment) -> None:
        root = np.array([MAX_TILT_RAD, MAX_TILT_RAD, MAX_YAW_RATE_RAD_S])
        self.lower = pack(embodiment.lower_rad, np.zeros(2), -root)
        self.upper = pack(embodiment.upper_rad, np.ones(2), root)

    def fault(self, wanted: FloatArray) -> str:
        """Why a reference is no sensible one, not even the nearest that is possible; empty when it is.

        Args:
            wanted: [34] what the source asks for, finite.
        """
        outside = np.maximum(self.lower - wanted, wanted - self.upper)
        if outside.max() <= OUTRAGEOUS:
            return ""
        worst = int(outside.argmax())
        lower, upper = self.lower[worst], self.upper[worst]
        return (
            f"the reference of {NAMES[worst]} is {wanted[worst]:.4g} {UNITS[worst]}, far outside of {lower:.4g} to "
            f"{upper:.4g}"
        )
