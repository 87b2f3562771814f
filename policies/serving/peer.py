"""Whether the machine and the process at the other end of a connection still live."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import ClientConnection

# Both together are less than the 5 s after which people take a program for hung.
QUIET_S = 0.5
DEAD_S = 3.0


class SilentError(Exception):
    """The other process shows no life."""

    def __str__(self) -> str:
        return f"no sign of life for {DEAD_S:g} s."


def watch_host(connection: ClientConnection) -> None:
    """Have the system close a connection whose host is gone, where it can: a cable, a machine without power."""
    line: socket.socket | None = connection.transport.get_extra_info("socket")
    if line is None:
        return
    options = {
        "TCP_KEEPIDLE": 1,
        "TCP_KEEPINTVL": 1,
        "TCP_KEEPCNT": 3,
        "TCP_USER_TIMEOUT": round(DEAD_S * 1e3),
    }
    with suppress(OSError):
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in options.items():
        if (number := getattr(socket, name, None)) is not None:
            with suppress(OSError):
                line.setsockopt(socket.IPPROTO_TCP, number, value)


async def exchange(connection: ClientConnection, message: bytes, *, pings: bool) -> bytes | str:
    """Send a message and await its answer, however long that takes, as long as the other process lives.

    Args:
        connection: open connection, which is not to be used again after an error.
        message: the request.
        pings: whether the other process answers pings while it computes.

    Raises:
        SilentError: it neither reads nor answers pings.
        ConnectionClosed: it closed the connection.
    """
    if not pings:
        await connection.send(message)
        return await connection.recv()
    await _in_time(connection.send(message))
    receiving = asyncio.ensure_future(connection.recv())
    try:
        while not (await asyncio.wait({receiving}, timeout=QUIET_S))[0]:
            pong = asyncio.ensure_future(await _in_time(connection.ping()))
            if not (await asyncio.wait({receiving, pong}, timeout=DEAD_S, return_when=asyncio.FIRST_COMPLETED))[0]:
                raise SilentError
        return await receiving
    finally:
        receiving.cancel()


async def _in_time(action: Any) -> Any:
    try:
        async with asyncio.timeout(DEAD_S):
            return await action
    except TimeoutError:
        raise SilentError from None
