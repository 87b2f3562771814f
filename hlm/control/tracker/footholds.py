"""Which feet the body stands on: the reference says when to lift, the ground decides when a foot has landed."""

from __future__ import annotations

import numpy as np

from hlm.control.tracker.config import StepConfig
from hlm.control.tracker.feet import Feet
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.core.arrays import FloatArray


class Footholds:
    """State of both feet from tick to tick; one foot at least stands.

    A foot that touches down early is latched, so that it does not flicker; one that is late goes on down. A foot that
    the body would fall onto is not lifted at all.

    Attributes:
        standing: [foot] whether the body stands on it.
        time_s: since the reset.
        lifted_s: [foot] when it was last lifted.
        landed_s: [foot] when it last landed.
        lowered_m: [foot] how far a late foot has gone below its reference.
    """

    def __init__(self, config: StepConfig) -> None:
        self._config = config
        self.reset()

    def reset(self) -> None:
        """Both feet stand, and have for long."""
        self.standing = np.ones(2, dtype=bool)
        self.time_s = 0.0
        self.lifted_s = np.full(2, -np.inf)
        self.landed_s = np.full(2, -np.inf)
        self.lowered_m = np.zeros(2)
        self._stays = np.zeros(2, dtype=bool)

    def update(self, dt_s: float, sample: ReferenceSample, feet: Feet) -> None:
        """Decide for the next tick.

        Args:
            dt_s: since the last tick.
            sample: what the reference wants now.
            feet: where the soles are.
        """
        self.time_s += dt_s
        for foot in (0, 1):
            wanted = bool(sample.standing[foot])
            if self.standing[foot]:
                self._stays[foot] &= not wanted
                if wanted or not self.standing[1 - foot] or self._stays[foot]:
                    continue
                if feet.inward_m[1 - foot] > self._config.farthest_inward_m:
                    self._stays[foot] = True
                else:
                    self.standing[foot] = False
                    self.lifted_s[foot] = self.time_s
                    self.lowered_m[foot] = 0.0
            elif self._has_landed(foot, sample, float(feet.clearance_m[foot])):
                self.standing[foot] = True
                self.landed_s[foot] = self.time_s
                self._stays[foot] = not wanted
            elif wanted:
                self.lowered_m[foot] += self._config.descent_m_s * dt_s

    def _has_landed(self, foot: int, sample: ReferenceSample, clearance_m: float) -> bool:
        config = self._config
        if sample.standing[foot] and self.lowered_m[foot] > config.deepest_m:
            return True  # it cannot hang in the air that far below
        due = bool(sample.standing[foot]) or sample.landing_s[foot] < config.early_s
        return due and clearance_m < config.touching_m and self.air_s(foot) > config.shortest_swing_s

    def air_s(self, foot: int) -> float:
        """How long ago a foot was lifted."""
        return self.time_s - float(self.lifted_s[foot])

    def remaining_s(self, sample: ReferenceSample, foot: int, least_s: float) -> float:
        """Until a foot in the air lands; a guess of at least `least_s` when the reference does not say yet."""
        if np.isfinite(sample.landing_s[foot]):
            return float(sample.landing_s[foot])
        return max(self._config.expected_swing_s - self.air_s(foot), least_s)

    def largest_load(self, lift_s: FloatArray) -> FloatArray:
        """[foot] share of the weight that a foot may carry: ramps before a lift and after a landing, 0 in the air.

        Args:
            lift_s: [foot] until the next lift.
        """
        config = self._config
        if not self.standing.all():
            return np.where(self.standing, np.inf, 0.0)
        before = np.where(lift_s < config.ramp_s, np.maximum(lift_s / config.ramp_s, 0.02), np.inf)
        age = self.time_s - self.landed_s
        after = np.where(age < config.ramp_s, np.maximum(age / config.ramp_s, 0.1), np.inf)
        return np.minimum(before, after)
