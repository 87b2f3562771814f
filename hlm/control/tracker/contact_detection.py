"""Contact of the reference's feet, detected from the heights of its soles.

The reference stream carries no contact flags. A foot that stays above the other one for long enough has lifted off;
the lift-off is backdated to when it left the ground. A low foot that has stopped descending has touched down.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hlm.control.checks import require_positive
from hlm.control.tracker.contact_state import ContactState
from hlm.core.arrays import BoolArray, FloatArray


@dataclass(frozen=True, kw_only=True, slots=True)
class ContactConfig:
    """Thresholds of lift-off and touchdown; heights are above the other sole.

    Attributes:
        lift_off_height_m: height above which a foot may have lifted off.
        lift_off_confirm_s: time that a lifted foot must stay above `near_ground_height_m`.
        lift_off_load_fraction: fraction of the load that the other foot must carry, at `lift_off_height_m`.
        lift_off_load_fraction_per_m: reduction of that fraction per height above `lift_off_height_m`. Noise moves
            soles a little, so that a high foot needs less evidence.
        backdate_height_m: height at which the backdated lift-off left the ground.
        max_backdate_s: longest time by which a lift-off is backdated.
        near_ground_height_m: height below which a foot may have touched down.
        touchdown_height_m: height below which it has touched down in any case.
        touchdown_speed_m_s: descent speed below which a foot near the ground has touched down.
    """

    lift_off_height_m: float = 0.015
    lift_off_confirm_s: float = 0.1
    lift_off_load_fraction: float = 0.65
    lift_off_load_fraction_per_m: float = 10.0
    backdate_height_m: float = 0.0025
    max_backdate_s: float = 0.16
    near_ground_height_m: float = 0.010
    touchdown_height_m: float = 0.0035
    touchdown_speed_m_s: float = 0.045

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)


def detect_contacts(
    left_height_m: FloatArray,
    right_load_fraction: FloatArray,
    start: ContactState,
    dt_s: float,
    config: ContactConfig,
) -> BoolArray:
    """[slot, foot] contact of each foot; in every slot at least one foot is in contact.

    A foot whose rise is not yet confirmed at the end of the window counts as in contact.

    Args:
        left_height_m: [slot] height of the left sole above the right one.
        right_load_fraction: [slot] fraction of the load on the right foot with the ZMP at the DCM; may leave 0 to 1.
        start: contact of the first slot.
        dt_s: time between slots.
        config: thresholds.
    """
    left = _foot_contacts(left_height_m, right_load_fraction, start.left, dt_s, config)
    right = _foot_contacts(-left_height_m, 1.0 - right_load_fraction, start.right, dt_s, config)
    neither = ~(left | right)
    return np.column_stack([left | (neither & (left_height_m < 0.0)), right | (neither & (left_height_m >= 0.0))])


def _foot_contacts(
    height_m: FloatArray,
    other_load_fraction: FloatArray,
    start: bool,  # noqa: FBT001 - contact of the first slot
    dt_s: float,
    config: ContactConfig,
) -> BoolArray:
    """[slot] contact of the foot that is `height_m` above the other one."""
    count = len(height_m)
    confirm_slots, max_backdate_slots = (
        max(1, round(config.lift_off_confirm_s / dt_s)),
        round(config.max_backdate_s / dt_s),
    )
    needed_fraction = config.lift_off_load_fraction - config.lift_off_load_fraction_per_m * (
        height_m - config.lift_off_height_m
    )
    lifted = (height_m > config.lift_off_height_m) & (other_load_fraction >= needed_fraction)
    low = height_m < config.near_ground_height_m
    # The first low slot at or after each slot, or the end of the window.
    next_low = np.minimum.accumulate(np.where(low, np.arange(count), count)[::-1])[::-1]
    descending = np.concatenate([[True], height_m[:-1] - height_m[1:] >= config.touchdown_speed_m_s * dt_s])
    touched_down = low & ((height_m < config.touchdown_height_m) | ~descending)
    contact = np.ones(count, dtype=bool)
    contact[0] = start
    for slot in range(1, count):
        if not contact[slot - 1]:
            contact[slot] = touched_down[slot]
        elif lifted[slot] and next_low[slot] - slot >= confirm_slots:
            lift_off = slot
            while (
                lift_off > 1
                and slot - lift_off < max_backdate_slots
                and height_m[lift_off - 1] > config.backdate_height_m
            ):
                lift_off -= 1
            contact[lift_off : slot + 1] = False
    return contact


def load_fractions(sole_position_m: FloatArray, zmp_m: FloatArray) -> FloatArray:
    """[2] fraction of the load on the left and right foot, by where the ZMP lies between the soles.

    Args:
        sole_position_m: [foot, 3] sole centres.
        zmp_m: [2] or [3].
    """
    right = min(max(right_load_fraction(sole_position_m, zmp_m), 0.0), 1.0)
    return np.array([1.0 - right, right])


def right_load_fraction(sole_position_m: FloatArray, zmp_m: FloatArray) -> float:
    """Position of the ZMP between the soles: 0 at the left one, 1 at the right one; may leave 0 to 1."""
    across_m = sole_position_m[1, :2] - sole_position_m[0, :2]
    return float((zmp_m[:2] - sole_position_m[0, :2]) @ across_m) / max(float(across_m @ across_m), 1e-6)
