"""From one stream of references to another without a jump."""

from __future__ import annotations

import numpy as np

from hlm.control.interpolation import minimum_jerk
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.layout import ROOT_YAW_RATE

SHORTEST_S = 0.5
# Slow enough for a person who stands beside it, and for a tracker that keeps its balance.
MEAN_SPEED_RAD_S = 0.6


class Blend:
    """Goes from a held reference to a moving one: minimum jerk, at least half a second, and slower the farther it is.

    Args:
        held: [34] the reference that was given last.
        wanted: [34] the moving one now; says how long the way takes.
        now_ns: the instant.
    """

    def __init__(self, held: FloatArray, wanted: FloatArray, now_ns: int) -> None:
        self._held = at_rest(held)
        farthest = float(np.abs(at_rest(wanted) - self._held).max())
        self.duration_s = max(SHORTEST_S, farthest / MEAN_SPEED_RAD_S)
        self._start_ns = now_ns

    def done(self, now_ns: int) -> bool:
        """Whether the moving reference has been reached."""
        return now_ns - self._start_ns >= self.duration_s * NS_PER_S

    def at(self, now_ns: int, wanted: FloatArray) -> FloatArray:
        """[34] reference at `now_ns`, on the way to the moving one as it is then."""
        passed = (now_ns - self._start_ns) / NS_PER_S / self.duration_s
        weight = minimum_jerk(min(max(passed, 0.0), 1.0))
        return self._held + weight * (wanted - self._held)


def at_rest(vector: FloatArray) -> FloatArray:
    """[34] the same pose without a rate of yaw."""
    still: FloatArray = np.array(vector, dtype=np.float64)
    still[ROOT_YAW_RATE] = 0.0
    return still
