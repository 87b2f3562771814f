"""Weighted errors of inverse kinematics with their Jacobians, stacked for one least-squares step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hlm.core.arrays import FloatArray


class Rows(NamedTuple):
    """What one iteration works on, at one configuration.

    Attributes:
        jacobian: [row, dof] weighted.
        error: [row] weighted errors, long offsets shortened.
        cost: what the iterations lower: the sum of the squares, in which long offsets count linearly (Huber's loss),
            because its gradient is that of the shortened errors.
    """

    jacobian: FloatArray
    error: FloatArray
    cost: float


class RowList:
    """Collects the rows of an iteration.

    Args:
        max_error_m: longer offsets are shortened to this.
    """

    def __init__(self, max_error_m: float) -> None:
        self._max_error_m = max_error_m
        self._jacobians: list[FloatArray] = []
        self._errors: list[FloatArray] = []
        self._beyond = 0.0

    def add(self, jacobian: FloatArray, error: FloatArray) -> None:
        """Add weighted rows."""
        self._jacobians.append(jacobian)
        self._errors.append(error)

    def add_offset(self, jacobian: FloatArray, offset_m: FloatArray, weight_per_m: float) -> None:
        """Weight and add rows of an offset, scaled down to `max_error_m` if it is longer."""
        length_m, longest_m = float(np.linalg.norm(offset_m)), self._max_error_m
        if length_m > longest_m:
            offset_m = offset_m * (longest_m / length_m)
            self._beyond += 2.0 * weight_per_m**2 * longest_m * (length_m - longest_m)
        self.add(weight_per_m * jacobian, weight_per_m * offset_m)

    def stacked(self) -> Rows:
        """All rows, in the order in which they were added."""
        error = np.concatenate(self._errors)
        return Rows(np.concatenate(self._jacobians), error, float(error @ error) + self._beyond)
