"""Ctrl+C, `kill` and a closed terminal as requests to stop, which interrupt nothing."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Self

from hlm.cli.verbs import EXIT_INTERRUPTED

_WORDS = {
    signal.SIGINT: "the operator stopped it (Ctrl+C)",
    signal.SIGTERM: "it was told to end (SIGTERM)",
    signal.SIGHUP: "its terminal was closed (SIGHUP)",
}


class StopSignals:
    """Within the context, signals that end programs are counted; implements `hlm.runtime.deployment.StopRequests`.

    A closed terminal sends its signal more than once, so it never counts as a second request, which would let the robot
    fall. Signals that were ignored before, as under `nohup`, stay ignored.
    """

    def __init__(self) -> None:
        self._first: signal.Signals | None = None
        self._count = 0
        self._before: dict[signal.Signals, object] = {}

    @property
    def count(self) -> int:
        """Number of requests."""
        return self._count

    @property
    def why(self) -> str:
        """Why it stops; empty before the first request."""
        return "" if self._first is None else _WORDS[self._first]

    @property
    def exit_code(self) -> int:
        """Exit code of a program that was ended like this; 0 before the first request."""
        if self._first is None:
            return 0
        return EXIT_INTERRUPTED if self._first is signal.SIGINT else 128 + self._first

    def __enter__(self) -> Self:
        """Listen."""
        for number in _WORDS:
            handler = signal.getsignal(number)
            if handler is not signal.SIG_IGN:
                self._before[number] = handler
                signal.signal(number, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the signals do what they did before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _take(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._first is None:
            self._first = signal.Signals(number)
        elif number == signal.SIGHUP:
            return
        self._count += 1
