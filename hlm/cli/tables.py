"""Tables and quantities as the verbs print them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO

from rich.console import Console
from rich.table import Table


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise it; rich would end the process with exit code 1."""
        raise BrokenPipeError


def console(file: IO[str] | None = None) -> Console:
    """A console that prints text as it is, brackets and numbers included; by default on stdout."""
    return _Console(file=file, markup=False, highlight=False)


def facts(rows: Mapping[str, str]) -> Table:
    """A two-column table of names and values, without lines."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    for name, value in rows.items():
        table.add_row(name, value)
    return table


def counts(numbers: Mapping[str, int], separator: str = ", ") -> str:
    """Numbers with their names, for example `12 success, 3 failure`."""
    return separator.join(f"{number} {name}" for name, number in numbers.items())


def duration(duration_s: float) -> str:
    """A duration in the unit that reads best, for example `52.3 s`.

    humanize has nothing as short that is as exact: "52.34 seconds", "1 hour, 1 minute and 1 second", or "an hour".
    """
    for limit_s, unit_s, unit in ((120.0, 1.0, "s"), (7200.0, 60.0, "min")):
        if duration_s < limit_s:
            return f"{duration_s / unit_s:.1f} {unit}"
    return f"{duration_s / 3600.0:.1f} h"
