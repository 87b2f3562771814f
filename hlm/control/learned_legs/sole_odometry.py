"""Odometry of feet that roll: the robot moves as the lowest corners of its soles stay where they are."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray

_TOUCHING_M = 0.0015  # height above the lowest corner at which a corner counts e times less


class SoleOdometry:
    """Place of the robot on level ground, from the corners of its soles.

    A foot that rolls over its edge moves its centre, but not the corner that it rolls over.

    Attributes:
        position_m: [2] place since the start; a new array at each update.
    """

    def __init__(self) -> None:
        self.position_m = np.zeros(2)
        self._corner_m: FloatArray | None = None

    def reset(self) -> None:
        """Start again at the origin."""
        self.position_m = np.zeros(2)
        self._corner_m = None

    def update(self, corner_from_pelvis_m: FloatArray) -> None:
        """Integrate a measurement.

        Args:
            corner_from_pelvis_m: [corner, 3] sole corners of both feet relative to the pelvis, axes of the world.
        """
        before, self._corner_m = self._corner_m, corner_from_pelvis_m.copy()
        if before is None:
            return
        height_m = 0.5 * (before[:, 2] + corner_from_pelvis_m[:, 2])
        weight = np.exp(-(height_m - height_m.min()) / _TOUCHING_M)
        self.position_m = self.position_m - (weight / weight.sum()) @ (corner_from_pelvis_m - before)[:, :2]
