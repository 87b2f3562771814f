"""The figures of an evaluation as a table for people."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from hlm.cli.tables import facts

if TYPE_CHECKING:
    from rich.table import Table

    from hlm.evaluation.results import EvalResult


def figures(result: EvalResult) -> Table:
    """What came out, a row for each figure; rows without anything to tell are left out."""
    done = len(result.rollouts)
    rows = {
        "success": success(result),
        "partial": f"{done} of {result.planned} rollouts; successes finish first, so these figures may flatter"
        if result.partial
        else "",
        "progress": _percent(result.progress),
        "wrong object": _percent(result.wrong_object_rate),
        "falls": _percent(result.fall_rate),
        "broken": f"{_percent(result.fault_rate)}, mostly because {_usual_fault(result)}" if result.fault_rate else "",
        "stages": ", ".join(f"{name} {_percent(rate)}" for name, rate in result.stage_rates.items()),
        "chunks": chunk_figures(result),
        "seeds": "the policy was trained on some of these" if result.unseen is False else "",
    }
    return facts({name: text for name, text in rows.items() if text})


def success(result: EvalResult) -> str:
    """How many rollouts succeeded, as a count, a share and an interval."""
    low, high = result.success_interval
    return (
        f"{result.successes} of {len(result.rollouts)} = {_percent(result.success_rate)} "
        f"(95 % interval {_percent(low)} to {_percent(high)})"
    )


def chunk_figures(result: EvalResult) -> str:
    """What became of the chunks, per rollout; empty when nobody asked."""
    from hlm.evaluation.chunk_summary import chunk_summary
    from hlm.evaluation.subject import scheduling

    summary = chunk_summary(result)
    if result.scheduling is None or summary is None:
        return ""
    return (
        f"{scheduling(result.scheduling)}; per rollout {summary.joined:.1f} joined, {summary.late:.1f} late, "
        f"{summary.rest_s:.2f} s at rest; jerk {_number(summary.seam_jerk_rad_s3)} rad/s^3 at seams, "
        f"{_number(summary.other_jerk_rad_s3)} elsewhere"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"


def _percent(share: float) -> str:
    """To a tenth, so that 999 of 1000 are not all."""
    return f"{100.0 * share:.1f}".removesuffix(".0") + "%"


def _usual_fault(result: EvalResult) -> str:
    """The most frequent reason for which rollouts broke, and the first seed that met it."""
    broken = [one for one in result.rollouts if one.fault]
    (fault, _), *_ = Counter(one.fault for one in broken).most_common(1)
    seed = next(one.seed for one in broken if one.fault == fault)
    return f"{fault} (seed {seed})"
