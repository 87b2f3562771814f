"""Limits of the references that a body is given: range and speed."""

from __future__ import annotations

import numpy as np

from hlm.control.reference_range import ReferenceRange
from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.layout import pack

MAX_TILT_SPEED_RAD_S = 3.0
MAX_GRIPPER_SPEED_PER_S = 8.0
MAX_YAW_ACCELERATION_RAD_S2 = 20.0
# A share of the motors' top speed: what a person's limbs do, far from what motors can do.
JOINT_SPEED_SHARE = 0.3


class ReferenceLimits:
    """Range and speed limits of a robot's references.

    Args:
        embodiment: whose joint limits hold.
    """

    def __init__(self, embodiment: Embodiment) -> None:
        self._range = ReferenceRange(embodiment)
        self._lower, self._upper = self._range.lower, self._range.upper
        root_speed = np.array([MAX_TILT_SPEED_RAD_S, MAX_TILT_SPEED_RAD_S, MAX_YAW_ACCELERATION_RAD_S2])
        grippers = np.full(2, MAX_GRIPPER_SPEED_PER_S)
        self._speed = pack(JOINT_SPEED_SHARE * embodiment.velocity_rad_s, grippers, root_speed)

    def fault(self, wanted: FloatArray) -> str:
        """Why a finite [34] reference is no sensible one; empty when it is, see `ReferenceRange.fault`."""
        return self._range.fault(wanted)

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
