"""`hlm eval` of several schedulers and delays: each cell an evaluation of its own, then a table, a plot and a page."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hlm.cli.eval_folder import resuming
from hlm.cli.eval_run import Evaluation, carry_out, collecting, exit_code, reason
from hlm.cli.eval_subject import must_be_the_same, must_compare, who_is
from hlm.cli.tables import console
from hlm.cli.worker_count import workers_told
from hlm.core.errors import HlmError

if TYPE_CHECKING:
    from rich.table import Table

    from hlm.evaluation.delay_table import TablePlan
    from hlm.evaluation.plan import Plan
    from hlm.evaluation.results import EvalResult, Scheduling

# Of the page's columns, so short that a line of a terminal has room for them.
_HEADINGS = ("scheduler", "ms", "success", "95 %", "lost", "progress", "s", "rest s", "jerk", "other")


def begin_table(folder: Path, plan: Plan, schedulings: Sequence[Scheduling]) -> int:
    """Run all cells of a new table, and return the exit code.

    Args:
        folder: claimed by this process.
        plan: what the cells have in common.
        schedulings: the cells.
    """
    from hlm.core.files import write_atomic
    from hlm.datasets.store.lock import FolderLock
    from hlm.evaluation.delay_table import TABLE_FILE, TablePlan, table_bytes

    table = TablePlan(plan=plan, schedulings=tuple(schedulings))
    try:
        with FolderLock(folder):
            write_atomic(folder / TABLE_FILE, table_bytes(table))
            try:
                return _carry_out(table, folder)
            finally:
                if not any(entry.is_dir() for entry in folder.iterdir()):
                    (folder / TABLE_FILE).unlink()  # nothing came of it
    finally:
        with suppress(OSError):
            folder.rmdir()  # refused unless nothing is kept


def resume_table(folder: Path, workers: int | None) -> int:
    """Run the rollouts of a table that are missing, and return the exit code."""
    from hlm.datasets.store.lock import FolderLock
    from hlm.evaluation.delay_table import read_table

    table = read_table(folder)
    must_compare(folder, table.plan)
    with FolderLock(folder):
        return _carry_out(replace(table, plan=replace(table.plan, workers=workers or table.plan.workers)), folder)


def _carry_out(table: TablePlan, folder: Path) -> int:
    """Run the cells that are not whole, then write and print what there is.

    Raises:
        KeyboardInterrupt, HlmError: there is nothing to show.
    """
    from hlm.evaluation.delay_table import cell_name

    cells: list[EvalResult] = []
    code = 0
    stop: BaseException | None = None
    for scheduling in table.schedulings:
        cell = folder / cell_name(scheduling)
        try:
            code = _run_cell(table.cell(scheduling), cell, folder)
        except (KeyboardInterrupt, HlmError) as error:
            with suppress(OSError):
                cell.rmdir()
            if not cells:
                raise
            stop = error
        if (found := _result(cell)) is not None:
            cells.append(found)
        if code or stop is not None:
            break
    failed = _show(table, folder, cells)
    if stop is not None:
        sys.stderr.write(f"hlm: {reason(stop)}; go on with `{resuming(folder)}`\n")
        return exit_code(stop)
    for what, trouble in failed.items():
        sys.stderr.write(f"hlm: {what}: {reason(trouble)}; try again with `{resuming(folder)}`\n")
    return code or (exit_code(*failed.values()) if failed else 0)


def _run_cell(plan: Plan, cell: Path, table: Path) -> int:
    """Run what is missing in a cell."""
    from hlm.core.files import write_atomic
    from hlm.datasets.store.lock import FolderLock
    from hlm.evaluation.plan import PLAN_FILE, plan_bytes, read_plan

    found = _result(cell)
    if found is not None and not found.partial:
        return 0
    resumed = (cell / PLAN_FILE).is_file()
    cell.mkdir(exist_ok=True)
    with FolderLock(cell):
        who = who_is(plan)
        if resumed:
            plan = replace(read_plan(cell), workers=plan.workers)
            must_compare(cell, plan)
        else:
            write_atomic(cell / PLAN_FILE, plan_bytes(plan))
        must_be_the_same(cell, plan, who.identity)
        workers = workers_told(plan, who.station)
        return carry_out(
            Evaluation(plan=plan, station=who.station, folder=cell, workers=workers, resumed=resumed, table=table)
        )


def _result(cell: Path) -> EvalResult | None:
    from hlm.evaluation.results import FILE_NAME, load_result

    return load_result(cell) if (cell / FILE_NAME).is_file() else None


def _show(table: TablePlan, folder: Path, cells: Sequence[EvalResult]) -> dict[str, BaseException]:
    """Write the figures, the plot and the page, and print the table; what could not be written, and why."""
    from hlm.core.files import write_atomic
    from hlm.core.serialization import json_bytes
    from hlm.evaluation.delay_page import write_delay_page
    from hlm.evaluation.delay_table import FIGURES_FILE, table_figures

    failed: dict[str, BaseException] = {}
    if not cells:
        return failed
    document = json_bytes(table_figures(cells))
    page: Path | None = None
    with collecting(failed, "the figures are not kept"):
        write_atomic(folder / FIGURES_FILE, document)
    if table.plan.json is not None:
        with collecting(failed, f"no {table.plan.json}"):
            table.plan.json.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(table.plan.json, document)
    with collecting(failed, "no page"):
        page = write_delay_page(folder, cells, table.plan.command)
    screen = console()
    screen.print(_table(cells))
    screen.print(f"report: {page or folder}", soft_wrap=True)
    return failed


def _table(cells: Sequence[EvalResult]) -> Table:
    from rich.table import Table

    from hlm.evaluation.delay_page import rows

    shown = Table(box=None, padding=(0, 1, 0, 0))
    for number, name in enumerate(_HEADINGS):
        shown.add_column(name, justify="left" if number == 0 else "right", no_wrap=True)
    for row in rows(cells):
        shown.add_row(*row)
    return shown
