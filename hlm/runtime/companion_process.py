"""A process beside the loop: it gets ready while others do, and ends with the session."""

from __future__ import annotations

from multiprocessing.connection import Connection
from types import TracebackType
from typing import NamedTuple, Self

from hlm.core.processes import ChildProcess


class Line(NamedTuple):
    """A line to a process.

    Attributes:
        here: the end that is kept.
        there: the process's own end, of which a copy is left here until it has started.
    """

    here: Connection
    there: Connection


class CompanionProcess:
    """A process with a line to it; entering starts it and waits until it is ready, leaving ends it.

    Args:
        child: the process.
        line: the line.
        ready_s: longest time until it is ready.
        end_s: time after which it is killed when it does not end.
    """

    def __init__(self, child: ChildProcess, line: Line, ready_s: float, end_s: float) -> None:
        self._child = child
        self._line = line
        self._ready_s, self._end_s = ready_s, end_s

    @property
    def pid(self) -> int | None:
        """Process id; None before the start."""
        return self._child.pid

    def start(self) -> Self:
        """Start it; `wait_ready` must follow."""
        self._child.start()
        self._line.there.close()
        return self

    def wait_ready(self) -> None:
        """Wait until it can do its job.

        Raises:
            HlmError: it cannot, or took too long.
        """
        self._child.wait_ready(self._ready_s)

    def close(self) -> None:
        """End it; may be called more than once."""
        self._child.stop(self._end_s)
        self._line.here.close()
        self._line.there.close()

    def __enter__(self) -> Self:
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
