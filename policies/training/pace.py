"""How long updates take."""

from __future__ import annotations

from statistics import fmean

# Updates that are timed before they are believed, after some that only warm up caches and allocators.
UNTIMED_STEPS = 5
TIMED_STEPS = 25
LATEST_STEPS = 200


class Pace:
    """Durations of a run's updates, reading their samples included.

    Args:
        step: updates that were made before.
        seconds: that they took, with everything else that was done.
    """

    def __init__(self, step: int, seconds: float) -> None:
        self._before_s = seconds / step if step else None
        self._took_s: list[float] = []

    def add(self, took_s: float) -> None:
        """Count an update."""
        self._took_s.append(took_s)

    def latest_s(self, updates: int) -> float:
        """Mean duration of so many of the latest updates, of at least one."""
        return fmean(self._took_s[-updates:])

    def update_s(self) -> float | None:
        """How long an update takes, of late or before; None while that cannot be told."""
        if len(self._took_s) < TIMED_STEPS:
            return self._before_s
        return fmean(self._took_s[UNTIMED_STEPS:][-LATEST_STEPS:])
