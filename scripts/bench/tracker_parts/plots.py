"""Plots of the table: falls of each row, and deviations of the runs that stood."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from tracker_parts.cases import GROUPS
from tracker_parts.results import Result, rows_of

from hlm.evaluation.results import wilson_interval

mpl.use("agg")
_OWN, _OUT = "#3b6ea5", "#c46a2b"
_DEVIATIONS = (
    ("leg_rad", "legs, rad", 1.0),
    ("arm_rad", "arms and waist, rad", 1.0),
    ("height_m", "pelvis height, cm", 100.0),
    ("heading_rad", "heading, deg", 180.0 / np.pi),
    ("place_m", "place, cm", 100.0),
    ("longest_lag_s", "longest lag, s", 1.0),
)


def write_falls(path: Path, results: Sequence[Result]) -> Path:
    """Share of falls in each row with its 95 % interval, held out and not."""
    rows = rows_of(results)
    figure = Figure(figsize=(9.0, 0.9 + 0.24 * len(rows)), layout="constrained")
    axes = figure.add_subplot()
    for shift, color, out, label in ((0.18, _OWN, False, "open to tuning"), (-0.18, _OUT, True, "held out")):
        for index, members in enumerate(rows.values()):
            chosen = [result for result in members if result.held_out is out]
            if not chosen:
                continue
            falls = sum(result.outcome.fell for result in chosen)
            low, high = wilson_interval(falls, len(chosen))
            share, y = falls / len(chosen), len(rows) - 1 - index + shift
            axes.barh(y, 100.0 * share, 0.34, color=color, label=label)
            axes.plot([100.0 * low, 100.0 * high], [y, y], color="#222222", linewidth=0.8)
            label = "_"
    axes.set_yticks(range(len(rows)), [f"{group}: {row}" for group, row in rows][::-1], fontsize=8)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.set_xlim(0.0, 100.0)
    axes.set_xlabel("falls, % (line: 95 % interval)")
    axes.legend(loc="lower right", fontsize=8)
    figure.savefig(path, dpi=110)
    return path


def write_deviations(path: Path, results: Sequence[Result]) -> Path:
    """Distribution of each deviation in each group, over the runs that stood."""
    figure = Figure(figsize=(9.0, 5.2), layout="constrained")
    panels = figure.subplots(2, 3)
    groups = [group for group in GROUPS if any(result.group == group for result in results)]
    for axes, (name, label, scale) in zip(panels.ravel(), _DEVIATIONS, strict=True):
        values = [
            [scale * getattr(r.outcome, name) for r in results if r.group == group and not r.outcome.fell]
            for group in groups
        ]
        shown = [[value for value in members if not np.isnan(value)] or [0.0] for members in values]
        axes.boxplot(shown, tick_labels=groups, whis=(5, 95), showfliers=False)
        axes.set_ylabel(label)
        axes.set_ylim(bottom=0.0)
    figure.savefig(path, dpi=110)
    return path
