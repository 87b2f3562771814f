"""The results of several trackers side by side, as a Markdown table for the docs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from tracker_parts.cases import GROUPS

_DEVIATIONS = (("place_m", 100.0, "cm"), ("height_m", 100.0, "cm"), ("heading_rad", 180.0 / np.pi, "deg"))


def comparison_markdown(paths: Sequence[Path]) -> str:
    """A row for each row of the bench; for each tracker its falls (those held out in brackets), and its deviations.

    Args:
        paths: files that `--json` wrote; those of one tracker count as one, and a run that is in several once.
    """
    trackers = _by_tracker(paths)
    names = list(trackers)
    heads = [f"{name}: falls (held out) | {name}: place, height, heading" for name in names]
    lines = [f"| | {' | '.join(heads)} |", "|---" * (1 + 2 * len(names)) + "|"]
    tables = [_rows(results) for results in trackers.values()]
    last = ""
    for group, row in sorted(dict.fromkeys(key for table in tables for key in table), key=itemgetter(0)):
        if group != last:
            last = group
            lines.append(f"| **{group}: {GROUPS[group]}** |" + " |" * (2 * len(names)))
        cells = [cell for table in tables for cell in _cells(table.get((group, row), []))]
        lines.append(f"| {row} | {' | '.join(cells)} |")
    totals = [cell for results in trackers.values() for cell in (_falls(results), "")]
    lines.append(f"| **all** | {' | '.join(totals)} |")
    return "\n".join(lines) + "\n"


def _by_tracker(paths: Sequence[Path]) -> dict[str, list[dict[str, Any]]]:
    """The results of each tracker."""
    trackers: dict[str, dict[tuple[str, str, str, int], dict[str, Any]]] = {}
    for path in paths:
        document = json.loads(path.read_text(encoding="utf-8"))
        runs = trackers.setdefault(document["tracker"], {})
        for result in document["results"]:
            runs.setdefault((result["group"], result["row"], result["name"], result["seed"]), result)
    return {name: list(runs.values()) for name, runs in trackers.items()}


def _rows(results: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    rows: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for result in results:
        rows.setdefault((result["group"], result["row"]), []).append(result)
    return rows


def _cells(results: list[dict[str, Any]]) -> tuple[str, str]:
    if not results:
        return "-", "-"
    upright = [result["outcome"] for result in results if not result["outcome"]["fell"]]
    texts = []
    for name, scale, unit in _DEVIATIONS:
        values = np.array([outcome[name] for outcome in upright], dtype=np.float64)
        none = not len(values) or bool(np.isnan(values).all())
        texts.append("-" if none else f"{scale * float(np.nanmean(values)):.1f} {unit}")
    return _falls(results), ", ".join(texts)


def _falls(results: list[dict[str, Any]]) -> str:
    """Falls of all runs, and of those that were held out."""
    out = [result for result in results if result["held_out"]]
    fallen, fallen_out = (sum(result["outcome"]["fell"] for result in some) for some in (results, out))
    return f"{fallen} of {len(results)} ({fallen_out} of {len(out)})"
