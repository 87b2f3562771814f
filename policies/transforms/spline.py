"""Chunks of actions as smooth curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline

from hlm.core.arrays import FloatArray
from hlm.core.errors import InputError

SPLINE_DEGREE = 3


@dataclass(frozen=True, slots=True, eq=False)
class SplineBasis:
    """Chunks of actions as coefficients of clamped uniform cubic B-splines.

    A policy that predicts coefficients cannot emit the high-frequency noise that a whole-body tracker falls over.

    Attributes:
        horizon: actions of a chunk.
        coefficients: per dimension, 4 to `horizon`.
    """

    horizon: int
    coefficients: int

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            InputError: too few or too many coefficients.
        """
        if not SPLINE_DEGREE < self.coefficients <= self.horizon:
            raise InputError(
                f"a chunk of {self.horizon} actions takes 4 to {self.horizon} coefficients, got {self.coefficients}."
            )

    @property
    def matrix(self) -> FloatArray:
        """[time, coefficient] value of each spline at each action."""
        ends = [0.0] * SPLINE_DEGREE, [1.0] * SPLINE_DEGREE
        knots = np.concatenate([ends[0], np.linspace(0.0, 1.0, self.coefficients - SPLINE_DEGREE + 1), ends[1]])
        grid = np.linspace(0.0, 1.0, self.horizon)
        return np.asarray(BSpline.design_matrix(grid, knots, SPLINE_DEGREE).toarray())
