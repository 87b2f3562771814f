"""How a device delivers: its rate, jitter, latency and drop-outs, measured for a while."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hlm.core.clock import NS_PER_S, Clock, ticks
from hlm.core.errors import InputError
from hlm.teleop.devices.device import Device

# Newer than any device's next sample: a sample is seen within a millisecond of its arrival.
_LOOKS_PER_S = 1000.0
# So many new samples in as many looks are no coincidence.
_MANY_LOOKS = 20
# An interval so many times the usual one is a drop-out.
DROP_OUT_PERIODS = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceFigures:
    """How a device has delivered.

    Attributes:
        samples: different ones.
        duration_s: for which it was watched.
        rate_hz: samples per second between the first and the last; 0 with fewer than two.
        jitter_s: half of the range that 90 % of the intervals lie in.
        latency_s: from capture to when it could be read, in the median; includes how far the clocks are apart where
            the device does not estimate that.
        worst_latency_s: the same, of the 99th percentile.
        drop_outs: intervals of three usual ones and more.
        longest_gap_s: longest interval, to the end of the watch included.
        answers: whether it makes a sample for the instant at which it is asked, as a terminal's keys or a file do: it
            has no rate of its own then, and rate, jitter and drop-outs are those of whoever asks.
    """

    samples: int
    duration_s: float
    rate_hz: float
    jitter_s: float
    latency_s: float
    worst_latency_s: float
    drop_outs: int
    longest_gap_s: float
    answers: bool = False


def watched(device: Device, clock: Clock, duration_s: float) -> DeviceFigures:
    """Watch a device, and say how it delivered.

    Args:
        device: entered.
        clock: that it stamps its samples with.
        duration_s: for how long, > 0.

    Raises:
        InputError: the time is not positive.
    """
    if not duration_s > 0.0:
        raise InputError(f"a device is watched for longer than 0 s, not {duration_s:g}.")
    start_ns = clock.now_ns()
    first = device.read()
    seen_ns = -1 if first is None else first.stamp_ns  # of before the watch
    stamps_ns, arrivals_ns = [], []
    looks = 0
    for tick in ticks(clock, _LOOKS_PER_S):
        if tick.due_ns - start_ns >= duration_s * NS_PER_S:
            break
        sample, looks = device.read(), looks + 1
        if sample is not None and sample.stamp_ns > seen_ns:
            seen_ns = sample.stamp_ns
            stamps_ns.append(sample.stamp_ns)
            arrivals_ns.append(clock.now_ns())
    figures = device_figures(np.array(stamps_ns, np.int64), np.array(arrivals_ns, np.int64), start_ns, clock.now_ns())
    return replace(figures, answers=looks >= _MANY_LOOKS and len(stamps_ns) >= looks - 1)


def device_figures(
    stamp_ns: npt.NDArray[np.int64], arrival_ns: npt.NDArray[np.int64], start_ns: int, end_ns: int
) -> DeviceFigures:
    """The figures of samples.

    Args:
        stamp_ns: [sample] capture of each.
        arrival_ns: [sample] when each could be read first.
        start_ns: when the watch began.
        end_ns: when it ended.
    """
    interval_s = np.diff(stamp_ns) / NS_PER_S
    usual_s = float(np.median(interval_s)) if len(interval_s) else np.inf
    latency_s = (arrival_ns - stamp_ns) / NS_PER_S
    silences_s = np.diff([start_ns, *arrival_ns.tolist(), end_ns]) / NS_PER_S
    spread = np.percentile(interval_s, [5.0, 95.0]) if len(interval_s) else np.zeros(2)
    return DeviceFigures(
        samples=len(stamp_ns),
        duration_s=(end_ns - start_ns) / NS_PER_S,
        rate_hz=len(interval_s) / float(interval_s.sum()) if len(interval_s) else 0.0,
        jitter_s=float(spread[1] - spread[0]) / 2.0,
        latency_s=float(np.median(latency_s)) if len(latency_s) else float("nan"),
        worst_latency_s=float(np.percentile(latency_s, 99.0)) if len(latency_s) else float("nan"),
        drop_outs=int(np.count_nonzero(interval_s > DROP_OUT_PERIODS * usual_s)),
        longest_gap_s=float(silences_s.max()),
    )
