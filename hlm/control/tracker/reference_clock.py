"""The clock that the reference is played on: it waits for the body before a lift, and lands with it."""

from __future__ import annotations

import numpy as np

from hlm.control.tracker.balance import Balance
from hlm.control.tracker.config import ClockConfig
from hlm.control.tracker.feet import Feet
from hlm.control.tracker.footholds import Footholds
from hlm.control.tracker.reference_sample import ReferenceSample

_LEAST_FALL_M = 0.02
_LEAST_SWING_S = 0.25


class ReferenceClock:
    """How far the reference is played behind the robot's time, and how fast it runs.

    Args:
        latency_s: lag that it comes back to.
        config: limits.

    Attributes:
        lag_s: the reference is played this long after its stamps.
        rate: seconds of reference per second.
    """

    def __init__(self, latency_s: float, config: ClockConfig) -> None:
        self._latency_s = latency_s
        self._config = config
        self.reset()

    def reset(self) -> None:
        """Run at the stream's own speed."""
        self.lag_s = self._latency_s
        self.rate = 1.0
        self._held_s = 0.0

    def advance(self, dt_s: float) -> None:
        """Let time pass."""
        self.lag_s += (1.0 - self.rate) * dt_s

    def update(self, dt_s: float, sample: ReferenceSample, balance: Balance, footholds: Footholds, feet: Feet) -> None:
        """Choose the rate until the next tick."""
        config = self._config
        behind_s = self.lag_s - self._latency_s
        wanted = 1.0 + float(np.clip(config.catch_up_per_s * behind_s, -0.1, config.fastest_catch_up))
        lifting = sample.standing & (sample.lift_s < config.before_lift_s)
        if not footholds.standing.all():
            self._held_s = 0.0
            wanted *= self._landing_rate(sample, balance, footholds, feet)
        elif lifting.sum() != 1:
            self._held_s = 0.0
        elif self._may_wait() and not self._is_ready(balance, feet, int(np.argmin(lifting))):
            self._held_s += dt_s
            self.rate = 0.0
            return
        most = config.rate_change_per_s * dt_s
        self.rate += float(np.clip(wanted - self.rate, -most, most))

    def _may_wait(self) -> bool:
        return self._held_s < self._config.longest_hold_s and self.lag_s < self._config.longest_lag_s

    def _is_ready(self, balance: Balance, feet: Feet, foot: int) -> bool:
        """Whether the body falls onto a foot as the reference does, so that the other one can be lifted."""
        config, (x, y) = self._config, feet.outward[foot]
        out_m = float(feet.outward[foot] @ balance.error_m)
        along_m = abs(float(x * balance.error_m[1] - y * balance.error_m[0]))
        return -config.inward_m < out_m < config.outward_m and along_m < config.along_m

    def _landing_rate(self, sample: ReferenceSample, balance: Balance, footholds: Footholds, feet: Feet) -> float:
        """Rate at which the foot lands when the body falls to where the reference means it to fall."""
        config, foot = self._config, int(np.argmin(footholds.standing))
        inward = -feet.outward[1 - foot]
        wanted_m = float(inward @ (balance.wanted_m - balance.pressure_m))
        if wanted_m <= _LEAST_FALL_M:
            return 1.0
        remaining_s, frequency = footholds.remaining_s(sample, foot, _LEAST_SWING_S), balance.frequency_rad_s
        falls_m = max(float(inward @ (balance.diverging_m - balance.pressure_m)), 0.5 * _LEAST_FALL_M)
        lands_s = float(np.log(max(wanted_m * np.exp(frequency * remaining_s) / falls_m, 1.05))) / frequency
        return float(np.clip(remaining_s / max(lands_s, 0.05), config.slowest, config.fastest))
