"""Vectors scaled so that most of what training saw lies between -1 and 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

import numpy as np

from hlm.core.arrays import BoolArray, FloatArray, frozen
from hlm.datasets.statistics import STILL_RANGE, VectorStatistics

Near = Literal["still", "widen", "exact"]

# The smallest range, as a part of the values' size, that single precision resolves to a thousandth.
APART = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Quantiles:
    """Maps the 1 % and 99 % quantiles of each dimension to -1 and 1; dimensions that hardly move are inactive.

    An inactive dimension is 0 when normalised, and comes back as the middle of its range.

    Attributes:
        low: [dimension] value that becomes -1.
        high: [dimension] value that becomes 1; nearer to `low` than `still` where the dimension is inactive.
        still: how near that is.
    """

    low: FloatArray
    high: FloatArray
    still: float = STILL_RANGE

    def __post_init__(self) -> None:
        """Check shapes and make the arrays read-only copies."""
        object.__setattr__(self, "low", frozen(self.low, (None,), "1 % quantiles", np.float32))
        object.__setattr__(self, "high", frozen(self.high, self.low.shape, "99 % quantiles", np.float32))

    @classmethod
    def of(cls, statistics: VectorStatistics, near: Near = "still") -> Self:
        """The quantiles of what training saw.

        Args:
            statistics: of the vectors.
            near: what becomes of quantiles that are near each other. "still" makes dimensions inactive whose range is
                below `STILL_RANGE`. "widen" moves them apart to `SMALLEST_RANGE`, below which OpenHLM takes 0 and 1 for
                them, and leaves every dimension active. "exact" leaves them as they are, as LeRobot does, and every
                dimension active.
        """
        if near == "still":
            return cls(statistics.q01, statistics.q99)
        if near == "widen":
            return cls(*statistics.bounds)
        apart = statistics.q01 + APART * np.maximum(1.0, np.abs(statistics.q01))
        return cls(statistics.q01, np.maximum(statistics.q99, apart), still=0.0)

    @property
    def active(self) -> BoolArray:
        """[dimension] True where the values move."""
        return np.asarray(self.high - self.low >= self.still)

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
