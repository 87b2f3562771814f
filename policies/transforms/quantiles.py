"""Vectors scaled so that most of the training data lies between -1 and 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from hlm.core.arrays import BoolArray, FloatArray, frozen
from hlm.datasets.statistics import STILL_RANGE, VectorStatistics

SmallRanges = Literal["hold", "widen", "keep"]

# The smallest range, as a part of the values' size, that single precision resolves to a thousandth.
APART = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Quantiles:
    """Maps the 1 % and 99 % quantiles of each dimension to -1 and 1; dimensions that hardly move are inactive.

    An inactive dimension is 0 when normalised, and comes back as the middle of its range.

    Attributes:
        low: [dimension] value that becomes -1.
        high: [dimension] value that becomes 1.
        smallest_range: dimensions whose `high - low` is below this are inactive.
    """

    low: FloatArray
    high: FloatArray
    smallest_range: float = STILL_RANGE

    def __post_init__(self) -> None:
        """Check shapes and make the arrays read-only copies."""
        object.__setattr__(self, "low", frozen(self.low, (None,), "1 % quantiles", np.float32))
        object.__setattr__(self, "high", frozen(self.high, self.low.shape, "99 % quantiles", np.float32))

    @classmethod
    def of(cls, statistics: VectorStatistics, small_ranges: SmallRanges = "hold") -> Self:
        """The quantiles of the training data.

        Args:
            statistics: statistics of the vectors.
            small_ranges: how dimensions that hardly moved in training are normalised. "hold" makes dimensions inactive
                whose range is below `STILL_RANGE`: they stay at the middle of the range. "widen" moves the quantiles
                apart to `SMALLEST_RANGE`, where OpenHLM replaces them by 0 and 1; every dimension is active. "keep"
                leaves the quantiles as they are, as LeRobot does; every dimension is active.
        """
        if small_ranges == "hold":
            return cls(statistics.q01, statistics.q99)
        if small_ranges == "widen":
            return cls(*statistics.bounds)
        apart = statistics.q01 + APART * np.maximum(1.0, np.abs(statistics.q01))
        return cls(statistics.q01, np.maximum(statistics.q99, apart), smallest_range=0.0)

    @property
    def active(self) -> BoolArray:
        """[dimension] True where the values move."""
        return np.asarray(self.high - self.low >= self.smallest_range)

    def normalise(self, values: FloatArray) -> FloatArray:
        """[..., dimension] float32; beyond [-1, 1] where the values are beyond the quantiles."""
        scaled = (np.asarray(values, np.float32) - self._middle) / self._half
        return np.where(self.active, scaled, np.float32(0.0))

    def undo(self, values: FloatArray) -> FloatArray:
        """[..., dimension] float32 values that `normalise` maps to these; inactive ones are constant."""
        scaled = np.where(self.active, np.asarray(values, np.float32), np.float32(0.0))
        return scaled * self._half + self._middle

    @property
    def _middle(self) -> FloatArray:
        return np.float32(0.5) * (self.low + self.high)

    @property
    def _half(self) -> FloatArray:
        return np.where(self.active, np.float32(0.5) * (self.high - self.low), np.float32(1.0))
