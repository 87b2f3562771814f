"""Progress of a run: a bar on a terminal, a line now and then in a log file.

Training cannot use the command line's progress bars: policies do not import `hlm.cli`, and a run without a terminal
must still say how it goes.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LOG_PERIOD_S = 30.0
# Window that the remaining time is estimated from; an update of a large network may take a minute.
SPEED_PERIOD_S = 600.0


class _Screen(Console):
    def on_broken_pipe(self) -> None:
        """Nobody looks any more: train on without showing; rich would end the process."""
        self.quiet = True


class Display:
    """Progress of a run.

    Args:
        console: where to show it; by default, standard error.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = _Screen(stderr=True, highlight=False) if console is None else console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            speed_estimate_period=SPEED_PERIOD_S,
            disable=not self._console.is_terminal,
        )
        self._logged_s = 0.0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, error_type: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def silence(self) -> None:
        """Show nothing from now on."""
        self._progress.stop()
        self._console.quiet = True

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text, soft_wrap=True, markup=False)

    def begin(self, description: str, total: int | None, completed: int = 0) -> None:
        """Start a new bar in place of the old one.

        Args:
            description: text in front of the bar.
            total: updates to make, if known.
            completed: updates made.
        """
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._progress.add_task(description, total=total, completed=completed, figures="")

    def show(self, completed: int, total: int | None, figures: str, now_s: float) -> None:
        """Show how far the run is; without a terminal, as a line every half minute.

        Args:
            completed: updates made.
            total: updates to make, if known.
            figures: text with the latest figures.
            now_s: time of a monotonic clock, s.
        """
        self._progress.update(self._progress.task_ids[0], completed=completed, total=total, figures=figures)
        if self._progress.disable and now_s - self._logged_s >= LOG_PERIOD_S:
            self._logged_s = now_s
            self.say(f"step {completed} of {'?' if total is None else total}: {figures}")
