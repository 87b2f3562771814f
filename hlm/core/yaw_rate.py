"""The one yaw-rate filter: recording, robot-free export and deployment all call it, so that they agree."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hlm.core.rotations import wrap_angle

# OpenHLM smooths with weight 0.1 at 50 Hz and clips to 2 rad/s; written as a time constant it holds at every rate.
TIME_CONSTANT_S = -0.02 / math.log(0.9)
MAX_YAW_RATE_RAD_S = 2.0


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
    weight = 1.0 - math.exp(-dt_s / TIME_CONSTANT_S)
    smooth = previous.rate_rad_s + weight * (raw_rad_s - previous.rate_rad_s)
    return YawRate(stamp_ns, yaw_rad, min(max(smooth, -MAX_YAW_RATE_RAD_S), MAX_YAW_RATE_RAD_S))
