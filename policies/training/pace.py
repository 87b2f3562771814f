"""Duration of updates."""

from __future__ import annotations

from math import fsum
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

    def update_s(self, elapsed_s: float = 0.0) -> float | None:
        """Estimated time that an update takes, s, with its share of saving and validating.

        Args:
            elapsed_s: time since the first of the updates that were added, s.

        Returns:
            None while there are too few updates to tell.
        """
        if len(self._took_s) < TIMED_STEPS:
            return self._before_s
        beside_s = max(0.0, elapsed_s - fsum(self._took_s))
        return fmean(self._took_s[UNTIMED_STEPS:][-LATEST_STEPS:]) + beside_s / len(self._took_s)
