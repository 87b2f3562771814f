"""Playback clock of the reference.

It waits for the body before lift-off, touches down with it, and slows down for a body that loses its balance standing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hlm.control.checks import require_positive
from hlm.control.tracker.balance import Balance
from hlm.control.tracker.contact_state_machine import ContactStateMachine
from hlm.control.tracker.feet import Feet
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.core.errors import InputError

_MAX_SLOW_DOWN = 0.1
_MIN_DCM_OFFSET_M = 0.02
_MIN_SWING_S = 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class ClockConfig:
    """How the playback rate adapts to the body; DCM errors are measured minus reference.

    Attributes:
        catch_up_per_s: increase of the rate per second of lag beyond the latency.
        max_catch_up: largest such increase.
        max_rate_change_per_s: largest change of the rate per second.
        hold_before_lift_off_s: time before a lift-off at which the clock may hold.
        max_hold_s: longest hold before one lift-off.
        max_hold_lag_s: lag from which on the clock no longer holds.
        max_dcm_error_inward_m: the clock holds while the DCM is farther than this to the inside of the stance foot.
        max_dcm_error_outward_m: the clock holds while the DCM is farther than this to the outside of the stance foot.
        max_dcm_error_forward_m: the clock holds while the DCM is farther than this to the front or the back.
        slow_standing_dcm_error_m: a body that stands is followed more slowly from this DCM error on.
        max_standing_dcm_error_m: the clock stands still at this DCM error of a body that stands.
        min_swing_rate: lowest rate in a swing.
        max_swing_rate: highest rate in a swing.
    """

    catch_up_per_s: float = 1.0
    max_catch_up: float = 0.15
    max_rate_change_per_s: float = 20.0
    hold_before_lift_off_s: float = 0.03
    max_hold_s: float = 0.4
    max_hold_lag_s: float = 0.8
    max_dcm_error_inward_m: float = 0.012
    max_dcm_error_outward_m: float = 0.03
    max_dcm_error_forward_m: float = 0.1
    slow_standing_dcm_error_m: float = 0.02
    max_standing_dcm_error_m: float = 0.04
    min_swing_rate: float = 0.85
    max_swing_rate: float = 1.2

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)
        slow_m, most_m = self.slow_standing_dcm_error_m, self.max_standing_dcm_error_m
        if not slow_m < most_m:
            raise InputError(
                f"ClockConfig.slow_standing_dcm_error_m is {slow_m}, max_standing_dcm_error_m {most_m}: the first must "
                "be the smaller one."
            )


class ReferenceClock:
    """Lag of the reference behind the robot's time, and its playback rate.

    Args:
        latency_s: lag that the clock returns to.
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
        """Play at the stream's own speed and the nominal latency."""
        self.lag_s = self._latency_s
        self.rate = 1.0
        self._held_s = 0.0

    def advance(self, dt_s: float) -> None:
        """Let `dt_s` pass at the present rate."""
        self.lag_s += (1.0 - self.rate) * dt_s

    def relax(self, dt_s: float) -> None:
        """Choose the rate until the next tick for a body that the reference need not wait for."""
        self._held_s = 0.0
        self._approach(self._catching_up, dt_s)

    def update(
        self, dt_s: float, sample: ReferenceSample, balance: Balance, contacts: ContactStateMachine, feet: Feet
    ) -> None:
        """Choose the rate until the next tick.

        Args:
            dt_s: time since the last tick.
            sample: the reference.
            balance: measured and reference DCM.
            contacts: contact of the robot's feet.
            feet: measured feet.
        """
        config = self._config
        desired = self._catching_up
        lifting_off = sample.contact.mask & (sample.time_to_lift_off_s < config.hold_before_lift_off_s)
        if not contacts.contact.double_support:
            self._held_s = 0.0
            desired *= self._swing_rate(sample, balance, contacts, feet)
        elif np.isinf(sample.time_to_lift_off_s).all():
            self._held_s = 0.0
            desired = min(desired, self._standing_rate(balance))
        elif lifting_off.sum() != 1:
            self._held_s = 0.0
        elif self._may_hold() and not self._is_ready(balance, feet, stance_foot=int(np.argmin(lifting_off))):
            self._held_s += dt_s
            self.rate = 0.0
            return
        self._approach(desired, dt_s)

    @property
    def _catching_up(self) -> float:
        """Rate that brings the lag back to the latency."""
        config, excess_lag_s = self._config, self.lag_s - self._latency_s
        return 1.0 + float(np.clip(config.catch_up_per_s * excess_lag_s, -_MAX_SLOW_DOWN, config.max_catch_up))

    def _approach(self, desired: float, dt_s: float) -> None:
        max_change = self._config.max_rate_change_per_s * dt_s
        self.rate += float(np.clip(desired - self.rate, -max_change, max_change))

    def _standing_rate(self, balance: Balance) -> float:
        """Largest rate for a body that stands: the farther the DCM is from the reference's, the slower it goes on."""
        config = self._config
        if self.lag_s > config.max_hold_lag_s:
            return np.inf
        error_m = float(np.linalg.norm(balance.dcm_error_m))
        if error_m <= config.slow_standing_dcm_error_m:
            return np.inf
        width_m = config.max_standing_dcm_error_m - config.slow_standing_dcm_error_m
        return max((config.max_standing_dcm_error_m - error_m) / width_m, 0.0)

    def _may_hold(self) -> bool:
        return self._held_s < self._config.max_hold_s and self.lag_s < self._config.max_hold_lag_s

    def _is_ready(self, balance: Balance, feet: Feet, stance_foot: int) -> bool:
        """Whether the DCM is close enough to the reference for the other foot to lift off."""
        config, (x, y) = self._config, feet.outward[stance_foot]
        outward_m = float(feet.outward[stance_foot] @ balance.dcm_error_m)
        forward_m = abs(float(x * balance.dcm_error_m[1] - y * balance.dcm_error_m[0]))
        lateral_ready = -config.max_dcm_error_inward_m < outward_m < config.max_dcm_error_outward_m
        return lateral_ready and forward_m < config.max_dcm_error_forward_m

    def _swing_rate(
        self, sample: ReferenceSample, balance: Balance, contacts: ContactStateMachine, feet: Feet
    ) -> float:
        """Rate at which the foot touches down when the DCM has moved as far inward as the reference's has."""
        config, foot = self._config, contacts.contact.swing_foot
        inward = -feet.outward[1 - foot]
        reference_offset_m = float(inward @ (balance.reference_dcm_m - balance.reference_zmp_m))
        if reference_offset_m <= _MIN_DCM_OFFSET_M:
            return 1.0
        remaining_s, frequency = contacts.time_to_touchdown_s(sample, foot, _MIN_SWING_S), balance.frequency_rad_s
        offset_m = max(float(inward @ (balance.dcm_m - balance.reference_zmp_m)), 0.5 * _MIN_DCM_OFFSET_M)
        growth = max(reference_offset_m * np.exp(frequency * remaining_s) / offset_m, 1.05)
        touchdown_s = float(np.log(growth)) / frequency
        return float(np.clip(remaining_s / max(touchdown_s, 0.05), config.min_swing_rate, config.max_swing_rate))
