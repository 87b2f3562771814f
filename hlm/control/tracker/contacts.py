"""Which feet a reference means to stand on, read from the heights of its soles.

The reference stream has no contact flags. A foot that rises above the other one for long enough is lifted, dated back
to where it left the ground; one that has come down and no longer sinks has landed.
"""

from __future__ import annotations

import numpy as np

from hlm.control.tracker.config import ContactConfig
from hlm.core.arrays import BoolArray, FloatArray


def label_contacts(
    rise_m: FloatArray, right_share: FloatArray, start: BoolArray, dt_s: float, config: ContactConfig
) -> BoolArray:
    """[slot, foot] whether the reference stands on each foot; at every slot it stands on one at least.

    A rise that has not lasted long enough at the end counts as standing until more slots say otherwise.

    Args:
        rise_m: [slot] height of the left sole above the right one.
        right_share: [slot] where the body falls: 0 onto the left foot, 1 onto the right one.
        start: [foot] the first slot's flags.
        dt_s: from one slot to the next.
        config: thresholds.
    """
    left = _stands(rise_m, right_share, bool(start[0]), dt_s, config)
    right = _stands(-rise_m, 1.0 - right_share, bool(start[1]), dt_s, config)
    neither = ~(left | right)
    return np.column_stack([left | (neither & (rise_m < 0.0)), right | (neither & (rise_m >= 0.0))])


def _stands(
    rise_m: FloatArray,
    other_share: FloatArray,
    start: bool,  # noqa: FBT001 - a flag of the first slot
    dt_s: float,
    config: ContactConfig,
) -> BoolArray:
    """[slot] whether the foot stands that is `rise_m` above the other one."""
    count = len(rise_m)
    lasting, back = max(1, round(config.confirm_s / dt_s)), round(config.date_back_s / dt_s)
    carried = other_share >= config.other_share - config.other_share_per_m * (rise_m - config.lifted_m)
    lifted = (rise_m > config.lifted_m) & carried
    low = rise_m < config.near_m
    # The first low slot at or after each slot, or the end.
    lands = np.minimum.accumulate(np.where(low, np.arange(count), count)[::-1])[::-1]
    sinks = np.concatenate([[True], rise_m[:-1] - rise_m[1:] >= config.still_m_s * dt_s])
    landed = low & ((rise_m < config.landed_m) | ~sinks)
    stands = np.ones(count, dtype=bool)
    stands[0] = start
    for slot in range(1, count):
        if not stands[slot - 1]:
            stands[slot] = landed[slot]
        elif lifted[slot] and lands[slot] - slot >= lasting:
            left = slot
            while left > 1 and slot - left < back and rise_m[left - 1] > config.left_ground_m:
                left -= 1
            stands[left : slot + 1] = False
    return stands


def load_share(soles_m: FloatArray, point_m: FloatArray) -> FloatArray:
    """[2] share of the load on the left and right foot when it acts at `point_m`, by its place between the soles.

    Args:
        soles_m: [foot, 3] sole centres.
        point_m: [2] or [3] where the load acts.
    """
    right = min(max(right_share(soles_m, point_m), 0.0), 1.0)
    return np.array([1.0 - right, right])


def right_share(soles_m: FloatArray, point_m: FloatArray) -> float:
    """Where a point is across the soles: 0 at the left one, 1 at the right one."""
    across = soles_m[1, :2] - soles_m[0, :2]
    return float((point_m[:2] - soles_m[0, :2]) @ across) / max(float(across @ across), 1e-6)
