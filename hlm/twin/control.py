"""Lines that switch a twin's faults: from the command line, from the terminal, and from a port of this machine."""

from __future__ import annotations

import math
import selectors
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from hlm.core.errors import HlmError, InputError
from hlm.core.shared_ring import SharedRing
from hlm.twin.faults import HELP, no_faults, switched

_LONGEST_LINE = 1000


class Planned(NamedTuple):
    """A line that is to be said once the episode runs.

    Attributes:
        line: as in `hlm.twin.faults.HELP`.
        at_s: seconds after the first stiff command; 0 for the start.
    """

    line: str
    at_s: float

    @classmethod
    def parse(cls, text: str) -> Planned:
        """The line and the time in `LINE` or `LINE at SECONDS`.

        Raises:
            HlmError: no such line, or no such time.
        """
        line, word, seconds = text.rpartition(" at ")
        try:
            planned = cls(line, float(seconds)) if word else cls(text, 0.0)
        except ValueError:
            raise InputError(f"'{text}' does not end with a number of seconds.") from None
        if not 0.0 <= planned.at_s < math.inf:
            raise InputError(f"'{text}' does not end with a time after the start, in seconds.")
        switched(no_faults(), planned.line)
        return planned


class FaultControl:
    """Takes lines, switches faults, and answers each line with `ok` or with what is wrong with it.

    Args:
        faults: takes the switches.
        port: of this machine, at which lines are taken.
    """

    def __init__(self, faults: SharedRing, port: int) -> None:
        self._faults = faults
        self._port = port
        self._selector = selectors.DefaultSelector()
        self._listener: socket.socket | None = None
        self._rests: dict[int, bytes] = {}
        self.said: list[str] = []
        """Lines that were taken, oldest first."""

    def __enter__(self) -> Self:
        """Open the port; a terminal's lines are taken too.

        Raises:
            InputError: the port is in use.
        """
        try:
            self._listener = socket.create_server(("127.0.0.1", self._port))
        except OSError as error:
            raise InputError(
                f"cannot listen at port {self._port} of this machine: {error.strerror}. Another twin has it? "
                "Choose --first-port."
            ) from error
        self._selector.register(self._listener, selectors.EVENT_READ)
        if sys.stdin is not None and sys.stdin.isatty():
            self._selector.register(sys.stdin, selectors.EVENT_READ)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port and what is connected to it."""
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()

    def say(self, line: str) -> str:
        """Switch by one line; the answer."""
        line = " ".join(line.split())
        if line in ("help", "?"):
            return HELP
        faults = self._faults.newest()
        try:
            if faults is not None:
                self._faults.append(switched(faults, line))
        except HlmError as error:
            return f"error: {error}"
        self.said.append(line)
        return "ok"

    def poll(self) -> None:
        """Take the lines that have come; never waits."""
        for key, _ in self._selector.select(0.0):
            if key.fileobj is self._listener and self._listener is not None:
                self._accept(self._listener)
            elif isinstance(key.fileobj, socket.socket):
                self._answer(key.fileobj)
            else:
                line = sys.stdin.readline()
                if not line:
                    self._selector.unregister(sys.stdin)
                elif line.strip():
                    sys.stderr.write(f"{self.say(line)}\n")

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # whoever called has gone, or too many are connected: a twin goes on
            connection, _ = listener.accept()
            connection.settimeout(0.0)
            self._selector.register(connection, selectors.EVENT_READ)

    def _answer(self, connection: socket.socket) -> None:
        received = b""
        with suppress(OSError):
            received = connection.recv(_LONGEST_LINE)
        held = self._rests.pop(connection.fileno(), b"") + received
        if not received or len(held) > 10 * _LONGEST_LINE:
            self._selector.unregister(connection)
            connection.close()
            return
        *lines, rest = held.split(b"\n")
        self._rests[connection.fileno()] = rest
        with suppress(OSError):
            connection.sendall(b"".join(_answers(self, lines)))


def _answers(control: FaultControl, lines: list[bytes]) -> Iterator[bytes]:
    for line in lines:
        if text := line.decode(errors="replace").strip():
            yield f"{control.say(text)}\n".encode()
