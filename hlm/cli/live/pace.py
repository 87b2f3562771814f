"""Whether a simulation keeps up with real time."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from hlm.core.clock import NS_PER_S, Clock, MonotonicClock

if TYPE_CHECKING:
    from hlm.runtime.loop import LoopStep

_WINDOW_S, _SLOW = 3.0, 0.8


class Pace:
    """How fast the time of a body passes; a robot's own is real time.

    Args:
        clock: of real time.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = MonotonicClock() if clock is None else clock
        self._seen_s: deque[tuple[float, float]] = deque()

    def text(self, step: LoopStep | None) -> str:
        """What a person should know: that time passes slowly in the simulation; empty while it does not.

        Args:
            step: the newest; None before the first.
        """
        if step is None:
            self._seen_s.clear()
            return ""
        now_s, body_s = self._clock.now_ns() / NS_PER_S, step.observation.stamp_ns / NS_PER_S
        if self._seen_s and body_s < self._seen_s[-1][1]:
            self._seen_s.clear()  # another scene
        self._seen_s.append((now_s, body_s))
        while self._seen_s[0][0] < now_s - _WINDOW_S:
            self._seen_s.popleft()
        first_s, first_body_s = self._seen_s[0]
        if now_s - first_s < 0.5 * _WINDOW_S:
            return ""
        share = (body_s - first_body_s) / (now_s - first_s)
        return f"this machine simulates {share:.1f} s in a second: all is slow" if share < _SLOW else ""
