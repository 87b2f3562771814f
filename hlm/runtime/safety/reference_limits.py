"""Limits of the references that a body is given: range and speed."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.layout import NAMES, UNITS, pack
from hlm.core.yaw_rate import MAX_YAW_RATE_RAD_S

MAX_TILT_RAD = 0.9
MAX_TILT_SPEED_RAD_S = 3.0
MAX_GRIPPER_SPEED_PER_S = 8.0
MAX_YAW_ACCELERATION_RAD_S2 = 20.0
# A share of the motors' top speed: what a person's limbs do, far from what motors can do.
JOINT_SPEED_SHARE = 0.3
# A policy overshoots the ranges that it learnt from by hundredths. Who asks for this much more, in the unit of each
# dimension, does not mean the nearest angle that exists.
OUTRAGEOUS = 1.0


class ReferenceLimits:
    """Range and speed limits of a robot's references.

    Args:
        embodiment: whose joint limits hold.
    """

    def __init__(self, embodiment: Embodiment) -> None:
        tilt = [MAX_TILT_RAD, MAX_TILT_RAD, MAX_YAW_RATE_RAD_S]
        self._lower = pack(embodiment.lower_rad, np.zeros(2), -np.array(tilt))
        self._upper = pack(embodiment.upper_rad, np.ones(2), np.array(tilt))
        root_speed = np.array([MAX_TILT_SPEED_RAD_S, MAX_TILT_SPEED_RAD_S, MAX_YAW_ACCELERATION_RAD_S2])
        grippers = np.full(2, MAX_GRIPPER_SPEED_PER_S)
        self._speed = pack(JOINT_SPEED_SHARE * embodiment.velocity_rad_s, grippers, root_speed)

    def fault(self, wanted: FloatArray) -> str:
        """Why a reference is no sensible one, not even the nearest that is possible; empty when it is.

        Args:
            wanted: [34] what the source asks for, finite.
        """
        outside = np.maximum(self._lower - wanted, wanted - self._upper)
        if outside.max() <= OUTRAGEOUS:
            return ""
        worst = int(outside.argmax())
        lower, upper = self._lower[worst], self._upper[worst]
        return (
            f"the reference of {NAMES[worst]} is {wanted[worst]:.4g} {UNITS[worst]}, far outside of {lower:.4g} to "
            f"{upper:.4g}"
        )

    def inside(self, wanted: FloatArray) -> FloatArray:
        """[34] nearest reference inside the ranges, whatever its speed; a new array, or `wanted` if it is inside."""
        nearest: FloatArray = np.clip(wanted, self._lower, self._upper)
        return wanted if (nearest == wanted).all() else nearest

    def limited(self, wanted: FloatArray, previous: FloatArray, dt_s: float) -> FloatArray:
        """The nearest reference inside the ranges that can be reached from the previous one in time.

        Args:
            wanted: [34] what the source asks for.
            previous: [34] the last reference that was let through.
            dt_s: time between the two, > 0.

        Returns:
            [34] reference to play; finite if both are.
        """
        inside = np.clip(wanted, self._lower, self._upper)
        reach = self._speed * dt_s
        return previous + np.clip(inside - previous, -reach, reach)
