"""One monotonic clock per session and an absolute grid of ticks on it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

NS_PER_S = 1_000_000_000
STEP_HZ = 30.0
"""Steps per second: observations, references and recorded steps lie on this grid unless a config says otherwise."""


class Clock(Protocol):
    """A monotonic clock that can be waited for."""

    def now_ns(self) -> int:
        """Nanoseconds since an arbitrary origin; never decreases."""
        ...

    def wait_until(self, due_ns: int) -> None:
        """Return at `due_ns`, or at once if it has passed; a clock of coarse steps may stop up to a step early."""
        ...


class MonotonicClock:
    """The operating system's monotonic clock, for sessions in real time."""

    def now_ns(self) -> int:
        """Nanoseconds since an arbitrary origin."""
        return time.monotonic_ns()

    def wait_until(self, due_ns: int) -> None:
        """Sleep until `due_ns`; returns at once if it has passed."""
        while (left_ns := due_ns - time.monotonic_ns()) > 0:
            time.sleep(left_ns / NS_PER_S)


@dataclass(frozen=True, slots=True)
class Tick:
    """One slot of a grid.

    Attributes:
        index: number of the slot.
        due_ns: instant at which it was due.
        skipped: number of slots that were missed since the one before.
    """

    index: int
    due_ns: int
    skipped: int = 0


def due_ns(start_ns: int, index: int, rate_hz: float) -> int:
    """Instant of slot `index` on the grid that starts at `start_ns`; computed from the start, so nothing drifts."""
    return start_ns + round(index * NS_PER_S / rate_hz)


def slot_at(start_ns: int, instant_ns: int, rate_hz: float) -> int:
    """The newest slot that is due by `instant_ns` on the grid that starts at `start_ns`; -1 before slot 0."""
    nearest = max(-1, round((instant_ns - start_ns) * rate_hz / NS_PER_S))
    # The instants of slots are rounded to nanoseconds: ask whether this one's has come instead of rounding down.
    return nearest if due_ns(start_ns, nearest, rate_hz) <= instant_ns else max(-1, nearest - 1)


def ticks(clock: Clock, rate_hz: float, start_ns: int | None = None) -> Iterator[Tick]:
    """Slots of an absolute grid, each yielded when it is due.

    A caller that is late gets the newest slot that is due. The slots before it are skipped and counted; the grid never
    shifts.

    Args:
        clock: the session's clock.
        rate_hz: slots per second, > 0.
        start_ns: instant of slot 0; by default when the first slot is asked for.
    """
    origin_ns = clock.now_ns() if start_ns is None else start_ns
    index = 0
    while True:
        skipped = max(0, slot_at(origin_ns, clock.now_ns(), rate_hz) - index)
        index += skipped
        due = due_ns(origin_ns, index, rate_hz)
        clock.wait_until(due)
        yield Tick(index, due, skipped)
        index += 1
