"""Keys, Ctrl+C, `kill` and a closed terminal as requests to stop, which interrupt nothing."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

from hlm.cli.deploy_keys import StopKeys, Stops
from hlm.cli.verbs import EXIT_INTERRUPTED

_WORDS = {
    signal.SIGINT: "the operator stopped it (Ctrl+C)",
    signal.SIGQUIT: "the operator stopped it (Ctrl+\\)",
    signal.SIGTSTP: "the operator stopped it (Ctrl+Z)",
    signal.SIGTERM: "it was told to end (SIGTERM)",
    signal.SIGHUP: "its terminal was closed (SIGHUP)",
}
_KEY = "the operator stopped it (key)"
_PAGE = "the operator stopped it (page)"
# A job in the background that is stopped because it writes to its terminal would leave its robot alone.
_IGNORED = (signal.SIGTTIN, signal.SIGTTOU)
_ENDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class StopSignals:
    """Within the context, signals that end or suspend programs are counted, and keys that are pressed.

    Implements `hlm.runtime.deployment.StopRequests`. A closed terminal sends its signal more than once, so it never
    counts as a second request, which would let the robot fall. Signals that were ignored before, as under `nohup`, stay
    ignored.

    Args:
        keys: what a person presses to stop; some keys of the terminal when None.
        page: how often a stop was asked for on a page since the last call.
    """

    def __init__(self, keys: Stops | None = None, page: Callable[[], int] = lambda: 0) -> None:
        self._keys = StopKeys() if keys is None else keys
        self._page = page
        self._why = ""
        self._exit_code = 0
        self._count = 0
        self._before: dict[signal.Signals, object] = {}

    @property
    def count(self) -> int:
        """Number of requests."""
        for why, times in ((_KEY, self._keys.pressed()), (_PAGE, self._page())):
            for _ in range(times):
                self._request(why, EXIT_INTERRUPTED)
        return self._count

    @property
    def why(self) -> str:
        """Why it stops; empty before the first request."""
        return self._why

    @property
    def exit_code(self) -> int:
        """Exit code of a program that was ended like this; 0 before the first request."""
        return self._exit_code

    @property
    def ways(self) -> str:
        """How a person stops it, in words."""
        keys = f"{self._keys.ways} or Ctrl+C" if self._keys.ways else "Ctrl+C"
        return f"{keys} holds, crouches and brakes; again brakes at once"

    def __enter__(self) -> Self:
        """Listen."""
        for number in (*_WORDS, *_IGNORED):
            handler = signal.getsignal(number)
            if handler is not signal.SIG_IGN:
                self._before[number] = handler
                signal.signal(number, signal.SIG_IGN if number in _IGNORED else self._take)
        self._keys.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the signals and keys do what they did before."""
        self._keys.__exit__(kind, error, trace)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _take(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self._count and number == signal.SIGHUP:
            return
        self._request(_WORDS[signal.Signals(number)], 128 + number if number in _ENDED else EXIT_INTERRUPTED)

    def _request(self, why: str, exit_code: int) -> None:
        if not self._count:
            self._why, self._exit_code = why, exit_code
        self._count += 1
