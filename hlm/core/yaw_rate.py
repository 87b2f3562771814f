"""The one yaw-rate filter: recording, import, retargeting and deployment all call it, so that they agree.

It smooths with a time constant of 0.19 s: OpenHLM's streamer, whose weight is 0.1 at 50 Hz and whose output its robots
follow. OpenHLM's recorder uses the same weight at 30 Hz, and so smooths what it writes with 0.32 s: on a swing of
0.8 rad at 0.5 Hz its rates are up to 0.6 rad/s from these. The shorter one is chosen because the state that a policy
sees should be late by as little as it can, and because policies have learnt from it; `refiltered` brings the
recorder's rates to it. HuMI's exporter does not smooth at all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hlm.core.arrays import FloatArray
from hlm.core.rotations import wrap_angle

# OpenHLM's streamer smooths with weight 0.1 at 50 Hz and clips to 2 rad/s; as a time constant it holds at every rate.
TIME_CONSTANT_S = -0.02 / math.log(0.9)
MAX_YAW_RATE_RAD_S = 2.0
# Weight of OpenHLM's recorder at each step that it records, however long that took: 0.32 s at 30 Hz.
OPENHLM_RECORDER_WEIGHT = 0.1
# After a longer time the smoothed rate says nothing of the next any more.
_LONGEST_STEP_S = 0.5


@dataclass(frozen=True, slots=True)
class YawRate:
    """State of the filter after a sample: its instant, the yaw seen then, and the filtered rate."""

    stamp_ns: int
    yaw_rad: float
    rate_rad_s: float = 0.0


def filter_yaw_rate(previous: YawRate | None, stamp_ns: int, yaw_rad: float) -> YawRate:
    """Filter state after the yaw `yaw_rad` measured at `stamp_ns`.

    Exponential smoothing of the wrapped difference quotient, clipped to +-2 rad/s. The first sample has rate 0; a
    sample that is not newer than the last one changes nothing.
    """
    if previous is None:
        return YawRate(stamp_ns, yaw_rad)
    dt_s = (stamp_ns - previous.stamp_ns) * 1e-9
    if dt_s <= 0.0:
        return previous
    raw_rad_s = float(wrap_angle(yaw_rad - previous.yaw_rad)) / dt_s
    return YawRate(stamp_ns, yaw_rad, _smoothed(previous.rate_rad_s, raw_rad_s, dt_s))


def refiltered(rate_rad_s: FloatArray, stamp_ns: npt.NDArray[np.int64], weight: float) -> FloatArray:
    """Rates as `filter_yaw_rate` would have given them, from those that another filter has smoothed.

    That filter is undone first, which takes one rate and the one before. Where it had reached its own clip at
    2 rad/s, what lies beyond is lost. The first rate, and one after a gap, are kept: nothing says what was before.

    Args:
        rate_rad_s: [time] rates of consecutive steps; nan where there is none.
        stamp_ns: [time] their instants, ns.
        weight: of each new rate in the other filter, 0 < weight <= 1; 1 if it did not smooth.

    Returns:
        [time] rates; nan where there was none.
    """
    result = np.clip(np.asarray(rate_rad_s, dtype=np.float64), -MAX_YAW_RATE_RAD_S, MAX_YAW_RATE_RAD_S)
    dt_s = np.diff(stamp_ns) * 1e-9
    raw_rad_s = rate_rad_s[:-1] + np.diff(rate_rad_s) / weight
    for step, (raw, passed_s) in enumerate(zip(raw_rad_s.tolist(), dt_s.tolist(), strict=True), 1):
        if math.isfinite(raw) and 0.0 < passed_s <= _LONGEST_STEP_S:
            result[step] = _smoothed(float(result[step - 1]), raw, passed_s)
    return result


def _smoothed(before_rad_s: float, raw_rad_s: float, dt_s: float) -> float:
    weight = 1.0 - math.exp(-dt_s / TIME_CONSTANT_S)
    smooth = before_rad_s + weight * (raw_rad_s - before_rad_s)
    return min(max(smooth, -MAX_YAW_RATE_RAD_S), MAX_YAW_RATE_RAD_S)
