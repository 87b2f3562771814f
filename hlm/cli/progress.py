"""Progress bars and spinners of the verbs; on stderr, so that the output can be piped, and only on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console


class Show(Protocol):
    """Updates a progress bar."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Show that `done` of `total` are done, and a short text beside the bar."""
        ...


@contextmanager
def progress(what: str) -> Iterator[Show]:
    """Show a progress bar, which disappears at the end; text printed to stdout meanwhile appears above it.

    Args:
        what: is counted, for example "episodes".

    Yields:
        Function that updates the bar.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    screen = _Screen(stderr=True)
    bars = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=screen,
        transient=True,
        # Piped output must not end on stderr.
        redirect_stdout=sys.stdout.isatty(),
        disable=not screen.is_terminal,
    )
    with bars:
        bar = bars.add_task(what, total=None, note="")

        def show(done: int, total: int, note: str = "") -> None:
            bars.update(bar, completed=done, total=total, note=note)

        yield show


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show a spinner and a text, for work that cannot be counted."""
    with _Screen(stderr=True).status(text):
        yield


class _Screen(Console):
    def on_broken_pipe(self) -> None:
        """Nobody looks any more: go on without showing; rich would end the process."""
        self.quiet = True
