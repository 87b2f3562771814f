"""How punctually this machine wakes a process on an absolute grid."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice

import numpy as np

from hlm.cli.diagnosis.finding import Finding, judged
from hlm.cli.diagnosis.scheduling import in_real_time
from hlm.core.arrays import FloatArray
from hlm.core.clock import Clock, MonotonicClock, ticks
from hlm.core.processes import ChildProcess, Leash

# A tracker step takes 3 ms of the 10 ms that it has: who wakes later than the half of a period is late for the robot.
_BAD_SHARE, _NOTE_SHARE = 0.5, 0.1
_START_S = 60.0


@dataclass(frozen=True, slots=True)
class Lateness:
    """How late the slots of a grid came.

    Attributes:
        rate_hz: of the grid.
        late_s: [slot] instant of waking minus due time.
        skipped: slots that were missed altogether.
    """

    rate_hz: float
    late_s: FloatArray
    skipped: int

    def percentile_s(self, percent: float) -> float:
        """The lateness that `percent` of the slots do not exceed."""
        return float(np.percentile(self.late_s, percent))


def measured_lateness(clock: Clock, rate_hz: float, duration_s: float) -> Lateness:
    """Wake on an absolute grid that does nothing else, without collecting garbage.

    Args:
        clock: to wait on.
        rate_hz: slots per second.
        duration_s: how long, at least one slot.
    """
    late_ns, skipped = [], 0
    with _no_collection():
        for tick in islice(ticks(clock, rate_hz), max(1, round(rate_hz * duration_s))):
            late_ns.append(clock.now_ns() - tick.due_ns)
            skipped += tick.skipped
    return Lateness(rate_hz, np.array(late_ns) * 1e-9, skipped)


def lateness_alone(rate_hz: float, duration_s: float) -> Lateness:
    """The lateness of a grid in a process of its own with real-time priority if that is allowed, as a body has it."""
    process = ChildProcess("rates", _measure, rate_hz, duration_s).start()
    try:
        lateness: Lateness = process.wait_ready(_START_S + 2.0 * duration_s)
    finally:
        process.stop()
    return lateness


def _measure(leash: Leash, rate_hz: float, duration_s: float) -> None:
    leash.ready(in_real_time(partial(measured_lateness, MonotonicClock(), rate_hz, duration_s))[1])


def rate_finding(lateness: Lateness, *, moves: bool) -> Finding:
    """Whether a body can hold its rate here.

    Args:
        lateness: as measured.
        moves: whether a real robot depends on it; a simulated one only moves badly.
    """
    p50_ms, p99_ms, worst_ms = (1e3 * lateness.percentile_s(percent) for percent in (50.0, 99.0, 100.0))
    period_ms = 1e3 / lateness.rate_hz
    late = p99_ms > _BAD_SHARE * period_ms or lateness.skipped > 0.01 * len(lateness.late_s)
    return judged(
        f"{lateness.rate_hz:g} Hz",
        f"late by p50 {p50_ms:.2f}, p99 {p99_ms:.2f}, worst {worst_ms:.2f} ms; {lateness.skipped} of "
        f"{len(lateness.late_s) + lateness.skipped} slots missed",
        "End other programs (`top` shows them), allow real-time scheduling, and use a machine of its own",
        bad=moves and late,
        note=late or p99_ms > _NOTE_SHARE * period_ms,
    )


@contextmanager
def _no_collection() -> Iterator[None]:
    """No pauses for garbage, as in the body's process."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
