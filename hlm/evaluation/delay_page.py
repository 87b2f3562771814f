"""The page of a table of schedulers and delays."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hlm.core.files import write_atomic
from hlm.core.wording import counted
from hlm.evaluation.chunk_summary import chunk_summary
from hlm.evaluation.delay_plot import delay_plot
from hlm.evaluation.delay_table import lost_points, ordered, table_figures
from hlm.evaluation.report import Section, write_demo
from hlm.evaluation.results import EvalResult, Scheduling
from hlm.evaluation.subject import subject, who

PLOT_FILE = "delays.png"
COLUMNS = (
    "scheduler",
    "delay, ms",
    "successful",
    "95 % interval",
    "lost points",
    "progress",
    "duration, s",
    "at rest, s",
    "jerk at seams",
    "elsewhere",
)
_TERMS = {
    "scheduler": "When the policy is asked for its next chunk, and how that is joined: synchronous waits for it at the "
    "end of the last one, asynchronous asks early and joins it by due time, ensemble plays the mean of all chunks.",
    "delay, ms": "Simulated time from asking the policy to its answer.",
    "successful": "Rollouts in which the task was done.",
    "95 % interval": "Wilson's interval: of intervals made like this one, 95 in 100 hold the rate that endless "
    "rollouts would show.",
    "lost points": "Percentage points of success that the delay costs, against the same scheduler without a delay.",
    "progress": "The share of the stages that were reached, on average over all rollouts.",
    "duration, s": "Length of a rollout in the simulation's own time, on average.",
    "at rest, s": "Time of a rollout for which the references stood still because no chunk had an action for now.",
    "jerk at seams": "Root mean square of the jerk of the joints' references (third differences times the rate cubed, "
    "rad/s\N{SUPERSCRIPT THREE}) where a chunk takes over or the references come to rest, and in the steps after it.",
    "elsewhere": "The same of all other steps; an ensemble has none, because it joins a chunk all the time.",
}


def rows(cells: Sequence[EvalResult]) -> list[tuple[str, ...]]:
    """A row of texts for each cell, of `COLUMNS`."""
    return [_row(cell, cells) for cell in ordered(cells)]


def write_delay_page(folder: Path, cells: Sequence[EvalResult], command: str = "") -> Path:
    """Write the plot and the page of a table, and return the page's path.

    Args:
        folder: of the table.
        cells: at least one.
        command: command line that was run.
    """
    plot = folder / PLOT_FILE
    write_atomic(plot, delay_plot(table_figures(cells)))
    first = cells[0]
    facts = {name: text for name, text in subject(first).items() if name in ("task", "policy type", "horizon", "seeds")}
    section = Section(
        title="Success over the delay of the answers",
        text=f"{counted(len(cells), 'cell')}, the same seeds in each.",
        facts=facts,
        command=command,
        columns=COLUMNS,
        rows=tuple(rows(cells)),
        images=(plot,),
        terms=_TERMS,
    )
    return write_demo(folder, f"{first.task}: schedulers and delays", [section], lead=f"Evaluated: {who(first)}.")


def _row(cell: EvalResult, cells: Sequence[EvalResult]) -> tuple[str, ...]:
    low, high = cell.success_interval
    scheduling, summary = cell.scheduling or Scheduling(), chunk_summary(cell)
    lost = lost_points(cell, cells)
    return (
        scheduling.scheduler,
        f"{scheduling.delay_ms:g}",
        f"{cell.successes} of {len(cell.rollouts)}{' so far' if cell.partial else ''}",
        f"{100.0 * low:.0f} to {100.0 * high:.0f} %",
        "-" if lost is None else f"{lost:.0f}",
        f"{100.0 * cell.progress:.1f}".removesuffix(".0") + " %",  # to a tenth, so that 49 of 50 are not all
        f"{sum(one.duration_s for one in cell.rollouts) / len(cell.rollouts):.1f}",
        "-" if summary is None else f"{summary.rest_s:.1f}",
        _jerk(None if summary is None else summary.seam_jerk_rad_s3),
        _jerk(None if summary is None else summary.other_jerk_rad_s3),
    )


def _jerk(value: float | None) -> str:
    return "-" if value is None else f"{value:.0f}"
