"""Connections that are about to be made: nobody may keep a server busy with handshakes that never end."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress

from websockets.asyncio.server import Server, ServerConnection
from websockets.protocol import State

# Connections in their handshake, which takes milliseconds: the oldest of too many is stuck.
_MAX_OPENING = 64
# What the system may hold back for a slow client; more would make what it shows old.
_UNSENT_BYTES = 65_536


class SparingConnection(ServerConnection):
    """Keeps the system from holding back old messages, and makes room for new connections."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the handshake."""
        super().connection_made(transport)
        link = transport.get_extra_info("socket")
        with suppress(OSError, AttributeError):  # Linux alone has it
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
        abort_opening(self.server, _MAX_OPENING)


def abort_opening(server: Server, kept: int) -> None:
    """Drop connections that have asked for nothing yet, save the newest; browsers open some in advance."""
    opening = [each for each in server.handlers if each.protocol.state is State.CONNECTING]
    for each in opening[: max(0, len(opening) - kept)]:
        each.transport.abort()
