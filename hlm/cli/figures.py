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
    low, high = result.success_interval
    done = len(result.rollouts)
    rows = {
        "success": f"{result.successes} of {done} = {result.success_rate:.0%} (95 % interval {low:.0%} to {high:.0%})",
        "partial": f"{done} of {result.planned} rollouts" if result.partial else "",
        "progress": f"{result.progress:.2f}",
        "wrong object": f"{result.wrong_object_rate:.0%}",
        "falls": f"{result.fall_rate:.0%}",
        "broken": f"{result.fault_rate:.0%}, mostly because {_usual_fault(result)}" if result.fault_rate else "",
        "stages": ", ".join(f"{name} {rate:.0%}" for name, rate in result.stage_rates.items()),
        "seeds": "the policy was trained on some of these" if result.unseen is False else "",
    }
    return facts({name: text for name, text in rows.items() if text})


def _usual_fault(result: EvalResult) -> str:
    """The most frequent reason for which rollouts broke, and the first seed that met it."""
    broken = [one for one in result.rollouts if one.fault]
    (fault, _), *_ = Counter(one.fault for one in broken).most_common(1)
    seed = next(one.seed for one in broken if one.fault == fault)
    return f"{fault} (seed {seed})"
