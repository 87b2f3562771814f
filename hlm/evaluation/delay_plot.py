"""The plot of a table of schedulers and delays."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

_COLOURS = {"asynchronous": "#0b6e4f", "synchronous": "#b3541e", "ensemble": "#5b5ea6"}
_MARKERS = {"asynchronous": "o", "synchronous": "s", "ensemble": "^"}
_APART_MS = 4.0  # neighbours' whiskers would hide each other
_WIDTH_IN, _PANEL_IN, _DPI = 6.5, 2.4, 110


def delay_plot(figures: Mapping[str, Any]) -> bytes:
    """PNG of success with its intervals, duration, and jerk at the seams, each over the delay.

    Args:
        figures: of `hlm.evaluation.delay_table.table_figures`.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    cells: Sequence[Mapping[str, Any]] = figures["cells"]
    names = list(dict.fromkeys(cell["scheduler"] for cell in cells))
    with rc_context({"font.size": 12.0, "axes.titlesize": 12.0}):
        figure = Figure(figsize=(_WIDTH_IN, 0.4 + 3 * _PANEL_IN), layout="constrained")
        success, duration, jerk = figure.subplots(3, 1, sharex=True)
        for place, name in enumerate(names):
            rows = [cell for cell in cells if cell["scheduler"] == name]
            delays = [row["delay_ms"] for row in rows]
            style = {"color": _COLOURS[name], "marker": _MARKERS[name], "label": name, "linewidth": 1.4}
            shifted = [delay + _APART_MS * (place - (len(names) - 1) / 2) for delay in delays]
            rates = [100.0 * row["success_rate"] for row in rows]
            below = [max(0.0, rate - 100.0 * row["success_interval"][0]) for rate, row in zip(rates, rows, strict=True)]
            above = [max(0.0, 100.0 * row["success_interval"][1] - rate) for rate, row in zip(rates, rows, strict=True)]
            success.errorbar(shifted, rates, yerr=[below, above], capsize=3, **style)
            duration.plot(delays, [row["duration_s"] for row in rows], **style)
            jerk.plot(delays, [row.get("seam_jerk_rad_s3") or float("nan") for row in rows], **style)
        success.set_title("successful rollouts, with 95 % intervals", loc="left")
        success.set_ylabel("%")
        success.set_ylim(-3.0, 103.0)
        success.legend(fontsize="small")
        duration.set_title("duration of a rollout", loc="left")
        duration.set_ylabel("s")
        jerk.set_title("jerk of the references around seams, root mean square", loc="left")
        jerk.set_ylabel("rad/s\N{SUPERSCRIPT THREE}")
        jerk.set_xlabel("time from asking the policy to its answer, ms")
        for axes in (duration, jerk):
            highest = float(axes.dataLim.ymax)
            axes.set_ylim(
                0.0, 1.08 * highest if 0.0 < highest < math.inf else 1.0
            )  # from zero, so that heights compare
        for axes in (success, duration, jerk):
            axes.set_xticks(sorted({cell["delay_ms"] for cell in cells}))
            axes.grid(visible=True, alpha=0.3)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()
