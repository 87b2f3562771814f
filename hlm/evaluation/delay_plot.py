"""The plot of a table of schedulers and delays."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    type Cells = Sequence[Mapping[str, Any]]

_COLOURS = {"asynchronous": "#0b6e4f", "synchronous": "#b3541e", "ensemble": "#5b5ea6"}
_MARKERS = {"asynchronous": "o", "synchronous": "s", "ensemble": "^"}
_APART = 0.02  # of the longest delay: neighbours' whiskers would hide each other
_STEP_PERCENT = 20.0
_SIZE_IN, _DPI = (11.0, 3.8), 110


def delay_plot(figures: Mapping[str, Any]) -> bytes:
    """PNG of success with its intervals, duration, and jerk at the seams, each over the delay.

    Markers of cells with fewer rollouts than planned are hollow.

    Args:
        figures: of `hlm.evaluation.delay_table.table_figures`.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    cells: Cells = figures["cells"]
    with rc_context({"font.size": 11.0, "axes.titlesize": 11.0, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=_SIZE_IN, layout="constrained")
        success, duration, jerk = figure.subplots(1, 3, sharex=True)
        _draw_success(success, cells)
        _draw(duration, cells, "duration_s", "length of a rollout, s")
        _draw(jerk, cells, "seam_jerk_rad_s3", "jerk of references at seams, rad/s\N{SUPERSCRIPT THREE}, rms")
        for axes in (success, duration, jerk):
            axes.set_xticks(sorted({cell["delay_ms"] for cell in cells}))
            axes.yaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
            axes.grid(visible=True, alpha=0.3)
        duration.set_xlabel("time from asking the policy to its answer, ms")
        handles, names = duration.get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper center", ncols=len(names), frameon=False)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def _draw_success(axes: Axes, cells: Cells) -> None:
    """Rates with whiskers, schedulers a little apart; from the lowest whisker's scale line on."""
    names = _schedulers(cells)
    apart_ms = _APART * (max(cell["delay_ms"] for cell in cells) or 1.0)
    for place, name in enumerate(names):
        rows = [cell for cell in cells if cell["scheduler"] == name]
        delays_ms = [row["delay_ms"] + apart_ms * (place - (len(names) - 1) / 2) for row in rows]
        rates = [100.0 * row["success_rate"] for row in rows]
        bounds = [[100.0 * bound for bound in row["success_interval"]] for row in rows]
        whiskers = [
            [max(0.0, rate - low) for rate, (low, _) in zip(rates, bounds, strict=True)],
            [max(0.0, high - rate) for rate, (_, high) in zip(rates, bounds, strict=True)],
        ]
        axes.errorbar(delays_ms, rates, whiskers, color=_COLOURS[name], fmt="none", capsize=3, linewidth=1.2)
        _line(axes, delays_ms, rates, rows)
    lowest = min(100.0 * cell["success_interval"][0] for cell in cells)
    bottom = _STEP_PERCENT * math.floor(lowest / _STEP_PERCENT)
    axes.set_ylim(bottom - 0.03 * (100.0 - bottom), 100.0 + 0.03 * (100.0 - bottom))
    axes.set_title("successful rollouts, %, with 95 % intervals", loc="left")


def _draw(axes: Axes, cells: Cells, figure: str, title: str) -> None:
    """A figure of all cells, from zero on, so that heights compare; cells without it are left out."""
    known = [cell for cell in cells if cell.get(figure) is not None]
    for name in _schedulers(cells):
        rows = [cell for cell in known if cell["scheduler"] == name]
        _line(axes, [row["delay_ms"] for row in rows], [row[figure] for row in rows], rows, name)
    axes.set_ylim(0.0, 1.08 * max((cell[figure] for cell in known), default=0.0) or 1.0)
    axes.set_title(title, loc="left")


def _line(axes: Axes, delays_ms: Sequence[float], values: Sequence[float], rows: Cells, name: str = "") -> None:
    """A scheduler's line; without rows it still has its place in the legend."""
    scheduler = name or rows[0]["scheduler"]
    style: dict[str, Any] = {"color": _COLOURS[scheduler], "marker": _MARKERS[scheduler]}
    axes.plot(delays_ms, values, linewidth=1.4, label=scheduler, **style)
    partial = [place for place, row in enumerate(rows) if row["rollouts"] < row["planned"]]
    hollow: dict[str, Any] = {**style, "linestyle": "", "markerfacecolor": "white"}
    axes.plot([delays_ms[place] for place in partial], [values[place] for place in partial], **hollow)


def _schedulers(cells: Cells) -> list[str]:
    return list(dict.fromkeys(cell["scheduler"] for cell in cells))
