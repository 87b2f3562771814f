"""Slow work of a session, such as writing an episode to its end, beside a loop that must go on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class Errands:
    """Does one thing at a time: at once, or beside the loop where a robot would miss its references meanwhile.

    Args:
        beside: whether the loop goes on.
    """

    def __init__(self, *, beside: bool = False) -> None:
        self._pool = ThreadPoolExecutor(1, "errands") if beside else None
        self._work: Future[Any] | None = None
        self._then: Callable[[Any], None] = lambda _: None

    @property
    def busy(self) -> bool:
        """Whether something is not done, or what comes after it is not."""
        return self._work is not None

    def run[Result](self, work: Callable[[], Result], then: Callable[[Result], None] = lambda _: None) -> None:
        """Do something; nothing else may be being done.

        Args:
            work: what takes time.
            then: called with its result, in `settle` where the loop goes on.

        Raises:
            HlmError: where the loop waits, what `work` raised.
        """
        if self._pool is None:
            then(work())
        else:
            self._work, self._then = self._pool.submit(work), then

    def settle(self) -> None:
        """Do what comes after something that is done; never waits.

        Raises:
            HlmError: what the work raised.
        """
        if self._work is not None and self._work.done():
            work, self._work = self._work, None
            self._then(work.result())

    def finish(self) -> None:
        """Wait until all is done.

        Raises:
            HlmError: what the work raised.
        """
        if self._work is not None:
            self._work.exception()
            self.settle()

    def close(self) -> None:
        """Wait until nothing is being done any more, whatever came of it."""
        if self._pool is not None:
            self._pool.shutdown(wait=True)
