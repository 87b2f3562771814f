"""How a deployment goes, for people: a live table on a terminal, else a line a second."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self, cast

from hlm.cli.patient_writer import PatientWriter
from hlm.cli.tables import console, facts

if TYPE_CHECKING:
    from rich.live import Live

    from hlm.runtime.deployment import Moment

type Row = tuple[str, str]

_TABLE_S, _LINE_S = 0.2, 1.0
# Drawing takes a few milliseconds, and a step that comes late is worse than a table that does.
_LEAST_SPARE_S = 0.012
# For a terminal to show the last of it; one that is halted may never.
_PATIENCE_S = 0.5


class DeployView:
    """Shows moments of a deployment; never waits for a terminal, and one that is gone is no reason to stop.

    Args:
        describe: the rows of a moment, by name.
    """

    def __init__(self, describe: Callable[[Moment], Mapping[str, str]]) -> None:
        self._describe = describe
        self._writer = PatientWriter()
        self._screen = console(cast("IO[str]", self._writer))
        self._live: Live | None = None
        self._shown_s = -_LINE_S
        self._blind = False

    def __enter__(self) -> Self:
        """Begin."""
        if self._screen.is_terminal:
            from rich.live import Live

            self._live = Live(console=self._screen, auto_refresh=False, transient=True)
            with suppress(OSError):
                self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back."""
        if self._live is not None:
            with suppress(OSError, ValueError):
                self._live.stop()
        with suppress(OSError, ValueError):
            self._writer.finish(_PATIENCE_S)

    def show(self, moment: Moment) -> None:
        """Show a moment, if it is time to and there is time for it."""
        period_s = _LINE_S if self._live is None else _TABLE_S
        if moment.time_s - self._shown_s < period_s or moment.spare_s < _LEAST_SPARE_S:
            return
        if self._blind or self._writer.busy:
            return
        self._shown_s = moment.time_s
        rows = self._describe(moment)
        try:
            if self._live is not None:
                self._live.update(facts(rows), refresh=True)
            else:
                self._writer.write("  ".join(f"{name} {value}" for name, value in rows.items()) + "\n")
                self._writer.flush()
        except (OSError, ValueError):  # nobody looks any more
            self._blind = True
