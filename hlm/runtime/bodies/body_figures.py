"""Figures of a body in real time: how punctual its control steps were, in little memory however long it runs."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable
from typing import Any

from hlm.core.clock import NS_PER_S
from hlm.runtime.bodies.body_records import BodyReport
from hlm.runtime.deployment_figures import spread_ms

_RECENT_STEPS = 100


class BodyFigures:
    """Takes in the reports of control steps as they come."""

    def __init__(self) -> None:
        self._first: BodyReport | None = None
        self._late_s, self._step_s = array("d"), array("d")
        self.recent: deque[BodyReport] = deque(maxlen=_RECENT_STEPS)
        """The newest reports, oldest first."""

    def take(self, reports: Iterable[BodyReport]) -> None:
        """Add reports, oldest first."""
        for report in reports:
            self._first = self._first or report
            self._late_s.append(report.late_s)
            self._step_s.append(report.step_s)
            self.recent.append(report)

    def recent_hz(self) -> float:
        """Control steps per second lately; 0 before the second."""
        if len(self.recent) < 2:
            return 0.0
        span_ns = self.recent[-1].woke_ns - self.recent[0].woke_ns
        return (len(self.recent) - 1) * NS_PER_S / span_ns if span_ns > 0 else 0.0

    def recent_late_s(self) -> float:
        """How late the latest of the newest steps began; 0 without any."""
        return max((report.late_s for report in self.recent), default=0.0)

    def summary(self) -> dict[str, Any]:
        """All of it, for a JSON file; empty without steps. Durations as in `spread_ms`."""
        if self._first is None:
            return {}
        first, last, steps = self._first, self.recent[-1], len(self._late_s)
        span_ns = last.due_ns - first.due_ns
        return {
            "steps": steps,
            "rate_hz": round((steps - 1) * NS_PER_S / span_ns, 3) if span_ns else 0.0,
            "skipped_slots": last.skipped - first.skipped,
            "late_ms": spread_ms(self._late_s),
            "step_ms": spread_ms(self._step_s),
            "lost_references": last.lost,
        }
