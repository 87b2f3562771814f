"""Figures of punctuality."""

from __future__ import annotations

import numpy as np
from loop_parts.rivals import CONTROL_HZ, noted

from hlm.core.arrays import FloatArray
from hlm.core.shared_ring import SharedRing
from hlm.runtime.bodies.body_records import BodyReport


def on_grid(reports: list[BodyReport]) -> dict[str, float]:
    """Figures of the body's ticks."""
    late_s = np.array([report.late_s for report in reports])
    steps_ms = percentiles([1e3 * report.step_s for report in reports], (50.0, 99.0))
    figures = punctuality(late_s, reports[-1].skipped - reports[0].skipped)
    return figures | {f"step {name}": value for name, value in steps_ms.items()}


def on_own_grid(ring: SharedRing, begin_ns: int, end_ns: int) -> dict[str, float]:
    """Figures of ticks on an absolute grid."""
    due_ns, woke_ns, skipped = noted(ring, begin_ns, end_ns)
    return punctuality((woke_ns - due_ns) * 1e-9, int(skipped.sum()))


def relative(ring: SharedRing, begin_ns: int, end_ns: int) -> dict[str, float]:
    """Figures of a loop without a grid, against the grid that it should have been on from its first tick here."""
    due_ns, woke_ns, _ = noted(ring, begin_ns, end_ns)
    late_s = (woke_ns - woke_ns[0] - (due_ns - due_ns[0])) * 1e-9
    return punctuality(late_s, 0)


def punctuality(late_s: FloatArray, skipped: int) -> dict[str, float]:
    """Lateness in ms; drift, ms a minute, is how much the lateness grows over the run."""
    minutes = len(late_s) / CONTROL_HZ / 60.0
    tenth = max(1, len(late_s) // 10)
    drift = float(np.median(late_s[-tenth:]) - np.median(late_s[:tenth])) / (0.9 * minutes)
    figures = percentiles([1e3 * value for value in late_s], (50.0, 99.0, 99.9))
    worst = {"worst ms": round(1e3 * float(late_s.max()), 3), "skipped": skipped, "ticks": len(late_s)}
    return figures | worst | {"drift ms/min": round(1e3 * drift, 3)}


def percentiles(values: list[float], which: tuple[float, ...]) -> dict[str, float]:
    """Some percentiles by name."""
    found = np.percentile(values, which) if values else [float("nan")] * len(which)
    return {f"p{share:g} ms": round(float(value), 3) for share, value in zip(which, found, strict=True)}
