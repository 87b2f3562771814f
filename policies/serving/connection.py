"""A client's connection, with bounds on what it may leave in the server's memory."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import DATA_OPCODES, CloseCode, Frame, Opcode
from websockets.protocol import Event, State

# Connections that have not said yet what they want. A handshake takes milliseconds, so the oldest of too many is the
# one that never will.
MAX_OPENING = 32
# Requests that a client has sent and got no answer to; one is enough to wait politely, two to never let the GPU wait.
MAX_UNANSWERED = 4
# The bound on a message's bytes does not count empty frames, and each frame takes memory until the last one has come.
MAX_FRAMES = 1024

# What strangers do to a socket (port scans, broken handshakes) is no news, and would fill a disk with tracebacks.
SILENT = logging.Logger("connections", logging.CRITICAL)


class BoundedConnection(ServerConnection):
    """Pushes out unfinished handshakes when there are too many, and ends when its client sends too much ahead.

    What is read is bounded here and not by the queue of `websockets`: that one stops reading when it is full, and with
    it the pings of a client that merely asks for two chunks at once. A client that does not read what it is sent is
    not read either.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._unanswered = 0
        self._frames = 0
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the handshake."""
        super().connection_made(transport)
        opening = [each for each in self.server.handlers if each.protocol.state is State.CONNECTING]
        for oldest in opening[:-MAX_OPENING]:
            oldest.transport.abort()

    def process_event(self, event: Event) -> None:
        """Take a handshake or a frame."""
        if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            self._count(event)
            if self._refused:
                return
        super().process_event(event)

    def answered(self) -> None:
        """Count the oldest request as answered."""
        self._unanswered -= 1

    def pause_writing(self) -> None:
        """Read no more: what is read may want an answer (a ping does), and the last ones are not taken yet."""
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Read on."""
        super().resume_writing()
        self.transport.resume_reading()

    def _count(self, frame: Frame) -> None:
        self._unanswered += frame.opcode is not Opcode.CONT
        self._frames += 1
        if self._frames > MAX_FRAMES:
            self._refuse(CloseCode.MESSAGE_TOO_BIG, f"a message in more than {MAX_FRAMES} frames")
        elif self._unanswered > MAX_UNANSWERED:
            text = f"more than {MAX_UNANSWERED} requests without waiting for an answer"
            self._refuse(CloseCode.POLICY_VIOLATION, text)
        if frame.fin:
            self._frames = 0

    def _refuse(self, code: CloseCode, reason: str) -> None:
        """Say goodbye, as `websockets` does after a message that is too large; nothing that still comes is read."""
        self._refused = True
        self.protocol.fail(code, reason)
        self.send_data()
