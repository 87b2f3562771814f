"""Single keys of the terminal that a program runs in."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

_MOST_BYTES = 1024


class Terminal:
    """Within the context, the terminal delivers keys without Enter, and shows none.

    Where standard input is no terminal, or one that another program has, nothing is read and nothing is changed.
    """

    def __init__(self) -> None:
        self._file: int | None = None
        self._before: list[Any] = []

    @property
    def heard(self) -> bool:
        """Whether keys are read."""
        return self._file is not None

    def typed(self) -> bytes:
        """What was typed since the last call; never waits."""
        if self._file is None:
            return b""
        try:
            if not select.select([self._file], [], [], 0.0)[0]:
                return b""
            typed = os.read(self._file, _MOST_BYTES)
        except OSError:  # the terminal is gone, or another program has it now
            typed = b""
        if not typed:
            self._file = None
        return typed

    def __enter__(self) -> Self:
        """Let the terminal deliver single keys, and show none."""
        with suppress(OSError, ValueError, termios.error):
            file = sys.stdin.fileno()
            if os.isatty(file) and os.tcgetpgrp(file) == os.getpgrp():
                self._before = termios.tcgetattr(file)
                tty.setcbreak(file, termios.TCSANOW)  # nothing is waited for: the terminal may be halted
                self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the terminal back as it was, without keys that nobody has read."""
        self._file = None
        if not self._before:
            return
        with suppress(OSError, ValueError, termios.error):
            file = sys.stdin.fileno()
            if os.tcgetpgrp(file) == os.getpgrp():
                termios.tcsetattr(file, termios.TCSANOW, self._before)
                termios.tcflush(file, termios.TCIFLUSH)
