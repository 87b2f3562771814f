"""Duration of updates."""

from __future__ import annotations

from statistics import fmean

# Updates to time before estimating, after a few that warm up caches and allocators.
UNTIMED_STEPS = 5
TIMED_STEPS = 25
LATEST_STEPS = 200


class Pace:
    """Durations of a run's updates, including reading the samples.

    Args:
        step: updates made before a resume.
        seconds: total time until then, s.
    """

    def __init__(self, step: int, seconds: float) -> None:
        self._before_s = seconds / step if step else None
        self._took_s: list[float] = []

    def add(self, took_s: float) -> None:
        """Add the duration of an update, s."""
        self._took_s.append(took_s)

    def latest_s(self, updates: int) -> float:
        """Mean duration of the latest `updates` updates, s; at least one must have been added."""
        return fmean(self._took_s[-updates:])

    def update_s(self) -> float | None:
        """Estimated duration of an update, s; None while there are too few to tell."""
        if len(self._took_s) < TIMED_STEPS:
            return self._before_s
        return fmean(self._took_s[UNTIMED_STEPS:][-LATEST_STEPS:])
