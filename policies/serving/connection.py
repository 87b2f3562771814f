"""A client's connection, with bounds on the server memory that it can use."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.frames import DATA_OPCODES, CloseCode, Frame, Opcode
from websockets.protocol import Event, State

# Connections in their handshake. A handshake takes milliseconds, so the oldest of too many is stuck.
MAX_OPENING = 32
# Unanswered requests of a client. One suffices, and two keep the GPU busy.
MAX_UNANSWERED = 4
# The bound on a message's bytes does not count empty frames, and each frame takes memory until the message is complete.
MAX_FRAMES = 1024

# Port scans and broken handshakes are not worth a traceback each, which would fill the disk.
SILENT = logging.Logger("connections", logging.CRITICAL)


class BoundedConnection(ServerConnection):
    """Aborts the oldest handshakes when there are too many, and closes when its client sends too many requests ahead.

    Reading is bounded here rather than by the queue of `websockets`, which stops reading when it is full, so that pings
    of a client with two requests in flight would go unanswered. Nothing is read from a client that does not read its
    answers.
    """

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._unanswered = 0
        self._frames = 0
        self._refused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the handshake."""
        super().connection_made(transport)
        opening = [each for each in self.server.handlers if each.protocol.state is State.CONNECTING]
        for oldest in opening[:-MAX_OPENING]:
            oldest.transport.abort()

    def process_event(self, event: Event) -> None:
        """Process a handshake or a frame."""
        if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            self._count(event)
            if self._refused:
                return
        super().process_event(event)

    def answered(self) -> None:
        """Count the oldest request as answered."""
        self._unanswered -= 1

    def pause_writing(self) -> None:
        """Stop reading: what is read may need an answer, such as a ping, and earlier answers are not yet sent."""
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Resume reading."""
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
        """Close the connection, as `websockets` does after too large a message, and ignore further frames."""
        self._refused = True
        self.protocol.fail(code, reason)
        self.send_data()
