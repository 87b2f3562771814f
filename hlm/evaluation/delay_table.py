"""Evaluations of one policy side by side: each scheduler of chunks with each delay of the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from hlm.core.documents import to_document
from hlm.core.serialization import json_bytes
from hlm.evaluation.chunk_summary import chunk_summary
from hlm.evaluation.plan import Plan, read_described
from hlm.evaluation.results import EvalResult, Scheduling

TABLE_FILE = "table.json"
FIGURES_FILE = "figures.json"
SCHEMA = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class TablePlan:
    """What a table is to hold; each cell is an evaluation in a folder of its own.

    Attributes:
        plan: what all cells have in common.
        schedulings: the cells, in the order in which they are run.
        schema: version of this description.
    """

    plan: Plan
    schedulings: tuple[Scheduling, ...]
    schema: int = SCHEMA

    def cell(self, scheduling: Scheduling) -> Plan:
        """The evaluation of a cell."""
        return replace(self.plan, scheduling=scheduling, json=None)


def cell_name(scheduling: Scheduling) -> str:
    """Name of a cell's folder."""
    return f"{scheduling.scheduler}_{scheduling.delay_ms:g}ms"


def table_bytes(table: TablePlan) -> bytes:
    """Content of the file of a table's plan."""
    return json_bytes(to_document(table))


def read_table(folder: Path) -> TablePlan:
    """The plan of the table in a folder.

    Raises:
        MissingFileError: there is none.
        CorruptError: damaged, or of a newer hlm.
    """
    return read_described(TablePlan, "table", folder / TABLE_FILE, SCHEMA)


def ordered(cells: Sequence[EvalResult]) -> list[EvalResult]:
    """Cells scheduler by scheduler in the order of their first appearance, each from the shortest delay on."""
    names = list(dict.fromkeys(_of(cell).scheduler for cell in cells))
    return sorted(cells, key=lambda cell: (names.index(_of(cell).scheduler), _of(cell).delay_ms))


def lost_points(cell: EvalResult, cells: Sequence[EvalResult]) -> float | None:
    """Points of success that a cell loses against the same scheduler without a delay; None without that cell."""
    for other in cells:
        if _of(other) == Scheduling(scheduler=_of(cell).scheduler):
            return 100.0 * (other.success_rate - cell.success_rate)
    return None


def table_figures(cells: Sequence[EvalResult]) -> Mapping[str, Any]:
    """A table's figures as JSON values; the rollouts are in the cells' own files.

    Args:
        cells: at least one, all of the same policy.
    """
    first = cells[0]
    return {
        "schema": SCHEMA,
        "task": first.task,
        "policy": first.policy,
        "identity": asdict(first.identity),
        "first_seed": first.first_seed,
        "cells": [_figures(cell, cells) for cell in ordered(cells)],
    }


def _figures(cell: EvalResult, cells: Sequence[EvalResult]) -> dict[str, Any]:
    summary = chunk_summary(cell)
    return {
        **asdict(_of(cell)),
        "rollouts": len(cell.rollouts),
        "planned": cell.planned,
        "successes": cell.successes,
        "success_rate": cell.success_rate,
        "success_interval": list(cell.success_interval),
        "lost_points": lost_points(cell, cells),
        "progress": cell.progress,
        "wrong_object_rate": cell.wrong_object_rate,
        "fall_rate": cell.fall_rate,
        "fault_rate": cell.fault_rate,
        "duration_s": sum(rollout.duration_s for rollout in cell.rollouts) / len(cell.rollouts),
        **({} if summary is None else asdict(summary)),
    }


def _of(cell: EvalResult) -> Scheduling:
    return cell.scheduling or Scheduling()
