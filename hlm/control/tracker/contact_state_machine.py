"""Contact of the robot's feet: the reference triggers lift-off, the ground triggers touchdown."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hlm.control.checks import require_positive
from hlm.control.tracker.contact_state import DOUBLE_SUPPORT, FEET, ContactState
from hlm.control.tracker.feet import Feet
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.core.arrays import FloatArray

_MIN_LIFT_OFF_RAMP = 0.02
_MIN_TOUCHDOWN_RAMP = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactTransitionConfig:
    """When the robot's feet lift off and touch down.

    Attributes:
        max_dcm_inward_m: a foot does not lift off while the DCM is farther than this to the inside of the other foot.
        contact_clearance_m: height of the lowest sole corner below which a foot touches the ground.
        early_touchdown_s: longest time before its reference that a foot may touch down.
        min_swing_s: shortest time in the air.
        late_descent_speed_m_s: speed at which a late foot goes on down.
        max_late_descent_m: descent below the reference at which a late foot counts as touched down.
        load_ramp_s: time to unload a foot before lift-off, and to load it after touchdown.
        nominal_swing_s: assumed duration of a swing whose touchdown is not in the preview yet.
    """

    max_dcm_inward_m: float = 0.08
    contact_clearance_m: float = 0.004
    early_touchdown_s: float = 0.12
    min_swing_s: float = 0.15
    late_descent_speed_m_s: float = 0.12
    max_late_descent_m: float = 0.03
    load_ramp_s: float = 0.06
    nominal_swing_s: float = 0.5

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)


class ContactStateMachine:
    """Contact of both feet from tick to tick; at least one foot is always in contact.

    An early touchdown is latched, so that it does not flicker. A late foot goes on down. A lift-off onto a foot that
    could not carry the body is refused until the reference has touched down again.

    Args:
        config: thresholds and times.

    Attributes:
        contact: present contact.
        time_s: time since the reset.
        lift_off_time_s: [foot] time of the last lift-off; -inf before the first.
        touchdown_time_s: [foot] time of the last touchdown; -inf before the first.
        late_descent_m: [foot] how far a late foot has descended below its reference.
    """

    def __init__(self, config: ContactTransitionConfig) -> None:
        self._config = config
        self.reset()

    def reset(self) -> None:
        """Start in double support, with no lift-off or touchdown before."""
        self.contact = DOUBLE_SUPPORT
        self.time_s = 0.0
        self.lift_off_time_s = np.full(2, -np.inf)
        self.touchdown_time_s = np.full(2, -np.inf)
        self.late_descent_m = np.zeros(2)
        # Feet that stay in contact although the reference has them in the air.
        self._latched = [False, False]

    def update(self, dt_s: float, sample: ReferenceSample, feet: Feet) -> None:
        """Advance by one tick.

        Args:
            dt_s: time since the last tick.
            sample: the reference.
            feet: measured feet.
        """
        self.time_s += dt_s
        contact = list(self.contact)
        for foot in FEET:
            desired = sample.contact[foot]
            if contact[foot]:
                self._latched[foot] = self._latched[foot] and not desired
                if desired or not contact[1 - foot] or self._latched[foot]:
                    continue
                if feet.dcm_inward_m[1 - foot] > self._config.max_dcm_inward_m:
                    self._latched[foot] = True
                else:
                    contact[foot] = False
                    self.lift_off_time_s[foot] = self.time_s
                    self.late_descent_m[foot] = 0.0
            elif self._has_touched_down(foot, sample, float(feet.clearance_m[foot])):
                contact[foot] = True
                self.touchdown_time_s[foot] = self.time_s
                self._latched[foot] = not desired
            elif desired:
                self.late_descent_m[foot] += self._config.late_descent_speed_m_s * dt_s
        self.contact = ContactState(*contact)

    def _has_touched_down(self, foot: int, sample: ReferenceSample, clearance_m: float) -> bool:
        config = self._config
        if sample.contact[foot] and self.late_descent_m[foot] > config.max_late_descent_m:
            return True  # it cannot hang in the air that far below its reference
        due = sample.contact[foot] or sample.time_to_touchdown_s[foot] < config.early_touchdown_s
        touches = clearance_m < config.contact_clearance_m
        return bool(due) and touches and self.swing_time_s(foot) > config.min_swing_s

    def swing_time_s(self, foot: int) -> float:
        """Time since a foot lifted off."""
        return self.time_s - float(self.lift_off_time_s[foot])

    def time_to_touchdown_s(self, sample: ReferenceSample, foot: int, min_s: float) -> float:
        """Time until a swing foot touches down.

        Args:
            sample: the reference.
            foot: the swing foot.
            min_s: shortest answer when the touchdown is not in the preview yet and has to be guessed.
        """
        if np.isfinite(sample.time_to_touchdown_s[foot]):
            return float(sample.time_to_touchdown_s[foot])
        return max(self._config.nominal_swing_s - self.swing_time_s(foot), min_s)

    def max_load_fraction(self, time_to_lift_off_s: FloatArray) -> FloatArray:
        """[foot] largest load on each foot, as a fraction of the weight: 0 in the air, inf where it is not limited.

        Args:
            time_to_lift_off_s: [foot] time until the reference lifts the foot off.
        """
        ramp_s = self._config.load_ramp_s
        if not self.contact.double_support:
            return np.where(self.contact.mask, np.inf, 0.0)
        unloading = np.where(
            time_to_lift_off_s < ramp_s, np.maximum(time_to_lift_off_s / ramp_s, _MIN_LIFT_OFF_RAMP), np.inf
        )
        contact_time_s = self.time_s - self.touchdown_time_s
        loading = np.where(contact_time_s < ramp_s, np.maximum(contact_time_s / ramp_s, _MIN_TOUCHDOWN_RAMP), np.inf)
        return np.minimum(unloading, loading)
