"""Triggers that are pulled or not: between two thresholds they stay what they were."""

from __future__ import annotations

_PULLED = 0.6
_RELEASED = 0.4


class Hysteresis:
    """Whether a trigger is pulled. It does not flutter where a finger rests on the threshold."""

    def __init__(self) -> None:
        self.pulled = False

    def update(self, value: float) -> bool:
        """Take a reading from 0 (released) to 1 (pulled)."""
        self.pulled = value > (_RELEASED if self.pulled else _PULLED)
        return self.pulled
