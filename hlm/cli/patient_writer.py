"""Text for standard output that nobody waits for: a terminal may be halted, and the reader of a pipe may not read."""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from typing import IO, cast, override

from rich.console import Console

from hlm.cli.tables import console
from hlm.core.files import write_all
from hlm.core.realtime import prefer

# For a terminal to show the last of it; one that is halted may never.
_PATIENCE_S = 0.5


@contextmanager
def patient_console() -> Iterator[Console]:
    """A console on standard output that nobody waits for; at the end what was printed is waited for, for a moment."""
    writer = PatientWriter()
    try:
        yield console(cast("IO[str]", writer))
    finally:
        with suppress(OSError, ValueError):
            writer.finish(_PATIENCE_S)


class PatientWriter(io.TextIOBase):
    """Stands in for `sys.stdout`: a thread of its own writes what is flushed.

    A caller that is not to fill the memory looks at `busy` before it writes. Where standard output is no file, as in
    tests, it is written to at once.
    """

    def __init__(self) -> None:
        self._stream = sys.stdout
        self._file: int | None = None
        with suppress(OSError, ValueError):
            self._stream.flush()
            self._file = self._stream.fileno()
        self._text: list[str] = []
        self._queue: SimpleQueue[bytes] = SimpleQueue()
        self._given = self._taken = 0
        self._gone = False
        self._thread = threading.Thread(target=self._write, name="view", daemon=True)
        if self._file is not None:
            self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether something that was flushed is not written yet, or never will be, because nobody reads any more."""
        return self._given > self._taken or self._gone

    @property
    @override
    def encoding(self) -> str:  # type: ignore[override]
        """Of the stream."""
        return self._stream.encoding or "utf-8"

    @override
    def writable(self) -> bool:
        """Yes."""
        return True

    @override
    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._stream.isatty()

    @override
    def fileno(self) -> int:
        """Of the stream."""
        return self._stream.fileno()

    @override
    def write(self, text: str, /) -> int:
        """Keep a text until it is flushed."""
        self._text.append(text)
        return len(text)

    @override
    def flush(self) -> None:
        """Hand over what was kept; does not wait."""
        text = "".join(self._text)
        self._text.clear()
        if not text or self._gone:
            return
        if self._file is None:
            self._stream.write(text)
            return
        self._given += 1
        self._queue.put(text.encode(self.encoding, "backslashreplace"))

    def finish(self, timeout_s: float) -> None:
        """Wait until all is written, no longer than `timeout_s`; nothing may be written afterwards."""
        self.flush()
        self._queue.put(b"")
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _write(self) -> None:
        prefer(0, 0)  # the loop's thread, which started this one, has gone before other programs
        while data := self._queue.get():
            try:
                if self._file is not None and not self._gone:
                    write_all(self._file, data)
            except OSError:
                self._gone = True
            self._taken += 1
