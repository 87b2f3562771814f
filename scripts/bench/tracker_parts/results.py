"""Results of cases, and the table's lines that sum them up."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tracker_parts.rollout import Outcome

from hlm.core.files import write_atomic

COLUMNS = (
    "runs",
    "falls",
    "held out",
    "legs rad",
    "arms rad",
    "height cm",
    "heading deg",
    "place cm",
    "lag s",
    "longest",
    "unsolved",
    "tick ms",
    "p99",
)


_TOUCHES = 0.02  # share of the ticks that is no accident of the fall itself


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """A case that was run.

    Attributes:
        group: letter of the group.
        row: row of the table.
        name: of the motion.
        seed: of the stream.
        held_out: never used to tune a tracker.
        outcome: what happened.
        wall_s: real time that it took, with making the stream.
    """

    group: str
    row: str
    name: str
    seed: int
    held_out: bool
    outcome: Outcome
    wall_s: float

    @property
    def title(self) -> str:
        """Unique name of the case."""
        return f"{self.group}/{self.row}/{self.name}/{self.seed}"


def rows_of(results: Sequence[Result]) -> dict[tuple[str, str], list[Result]]:
    """The results of each row, by group and row."""
    rows: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        rows.setdefault((result.group, result.row), []).append(result)
    return rows


def cells(results: Sequence[Result]) -> tuple[str, ...]:
    """Texts of `COLUMNS`; deviations are means over the runs that did not fall."""
    out = [result for result in results if result.held_out]
    upright = [result.outcome for result in results if not result.outcome.fell]

    def mean(name: str, scale: float, digits: int) -> str:
        values = np.array([getattr(outcome, name) for outcome in upright], dtype=np.float64)
        return "-" if np.isnan(values).all() else f"{scale * float(np.nanmean(values)):.{digits}f}"

    everyone = [result.outcome for result in results]
    return (
        str(len(results)),
        f"{sum(result.outcome.fell for result in results)}",
        f"{sum(result.outcome.fell for result in out)}/{len(out)}",
        mean("leg_rad", 1.0, 3),
        mean("arm_rad", 1.0, 3),
        mean("height_m", 100.0, 1),
        mean("heading_rad", 180.0 / np.pi, 1),
        mean("place_m", 100.0, 1),
        mean("lag_s", 1.0, 2),
        "-" if not upright else f"{max(outcome.longest_lag_s for outcome in upright):.2f}",
        f"{sum(outcome.unsolved for outcome in everyone)}",
        f"{float(np.median([outcome.step_ms for outcome in everyone])):.2f}",
        f"{float(np.median([outcome.step_p99_ms for outcome in everyone])):.2f}",
    )


def causes(results: Sequence[Result]) -> str:
    """How the runs that fell did, in a line: where to, on which feet, after how long."""
    fallen = [result.outcome for result in results if result.outcome.fell]
    if not fallen:
        return ""
    tilts = {tilt: sum(outcome.tilt == tilt for outcome in fallen) for tilt in ("forward", "backward", "left", "right")}
    one = sum(outcome.contact in ("left", "right") for outcome in fallen)
    where = ", ".join(f"{count} {tilt}" for tilt, count in tilts.items() if count)
    middle_s = float(np.median([outcome.duration_s for outcome in fallen]))
    saturated = float(np.mean([outcome.saturated for outcome in fallen]))
    touching = sum(outcome.touching > _TOUCHES for outcome in fallen)
    gave_up = sum(outcome.ending != "fell" for outcome in fallen)
    return (
        f"{where}; {one} on one foot half a second before; median after {middle_s:.1f} s; "
        f"a motor at its limit in {100.0 * saturated:.0f} % of the last half second; {touching} touched itself; "
        f"{gave_up} times the tracker gave up"
    )


def write_json(path: Path, results: Sequence[Result], facts: dict[str, Any]) -> None:
    """Write all results."""
    document = {**facts, "results": [asdict(result) for result in results]}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, (json.dumps(document, indent=1) + "\n").encode())
