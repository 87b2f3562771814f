"""One monotonic clock per session and an absolute grid of ticks on it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

NS_PER_S = 1_000_000_000


class Clock(Protocol):
    """A monotonic clock that can be waited on."""

    def now_ns(self) -> int:
        """Nanoseconds since an arbitrary origin; never decreases."""
        ...

    def wait_until(self, due_ns: int) -> None:
        """Return once `now_ns() >= due_ns`."""
        ...


class MonotonicClock:
    """The machine's monotonic clock, for people and robots."""

    def now_ns(self) -> int:
        """Nanoseconds of the operating system's monotonic clock."""
        return time.monotonic_ns()

    def wait_until(self, due_ns: int) -> None:
        """Sleep until `due_ns`; returns at once when it has passed."""
        while (left_ns := due_ns - time.monotonic_ns()) > 0:
            time.sleep(left_ns / NS_PER_S)


class SteppedClock:
    """A clock that moves only when it is told to: simulation in lockstep, and tests."""

    def __init__(self, start_ns: int = 0) -> None:
        self._now_ns = start_ns

    def now_ns(self) -> int:
        """The instant that was last set."""
        return self._now_ns

    def wait_until(self, due_ns: int) -> None:
        """Jump forward to `due_ns`; never backwards."""
        self._now_ns = max(self._now_ns, due_ns)


@dataclass(frozen=True, slots=True)
class Tick:
    """One slot of the grid: its number, when it was due, and how many slots before it were missed."""

    index: int
    due_ns: int
    skipped: int = 0


def due_ns(start_ns: int, index: int, rate_hz: float) -> int:
    """Instant of slot `index` on the grid that starts at `start_ns`; exact, so that nothing drifts."""
    return start_ns + round(index * NS_PER_S / rate_hz)


def ticks(clock: Clock, rate_hz: float, start_ns: int | None = None) -> Iterator[Tick]:
    """Slots of an absolute grid, each yielded when it is due.

    A body that takes longer than a slot makes the following slots be skipped and counted; the grid never shifts.

    Args:
        clock: the session's clock.
        rate_hz: slots per second, > 0.
        start_ns: instant of slot 0; now by default.
    """
    origin_ns = clock.now_ns() if start_ns is None else start_ns
    index = 0
    while True:
        now_ns = clock.now_ns()
        late = int((now_ns - origin_ns) * rate_hz / NS_PER_S)
        skipped = max(0, late - index) if now_ns > due_ns(origin_ns, index, rate_hz) else 0
        index += skipped
        due = due_ns(origin_ns, index, rate_hz)
        clock.wait_until(due)
        yield Tick(index, due, skipped)
        index += 1
