"""Connections of the web server: what browsers ask for, and the messages of those that stay connected."""

from __future__ import annotations

import asyncio
import itertools
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from hlm.core.clock import Clock
from hlm.core.errors import CorruptError
from hlm.teleop.web.channel import Channel, Outbox
from hlm.teleop.web.config import WebConfig
from hlm.teleop.web.files import Answer, answer
from hlm.teleop.web.guard import Guard
from hlm.teleop.web.messages import Client, Message, decoded, encoded
from hlm.teleop.web.opening import SparingConnection, abort_opening

_LOG = logging.getLogger(__name__)
# Broken handshakes of browsers and port scans are not worth a traceback each.
_SILENT = logging.Logger("web connections", logging.CRITICAL)
_SOCKETS = "/ws/"
_HANDSHAKE_S = 5.0
# A page that does not answer within ping and timeout is gone: a headset that was taken off and sleeps, a lost network.
_PING_S = 2.0
_PING_TIMEOUT_S = 4.0
_CLOSE_S = 1.0
_KNOWN_REFUSALS = 32


class Connections:
    """Answers requests and carries messages, in the thread of the loop that serves.

    Args:
        config: limits.
        guard: decides who may ask.
        folders: see `hlm.teleop.web.files.answer`.
        channels: by name; more may be opened later.
        clock: stamps what arrives.
    """

    def __init__(
        self,
        config: WebConfig,
        guard: Guard,
        folders: Mapping[str, Path],
        channels: Mapping[str, Channel],
        clock: Clock,
    ) -> None:
        self._config = config
        self._guard = guard
        self._folders = folders
        self._channels = channels
        self._clock = clock
        self._numbers = itertools.count(1)
        self._refused: set[str] = set()

    @asynccontextmanager
    async def serving(self, listener: socket.socket, tls: ssl.SSLContext | None) -> AsyncIterator[None]:
        """Listen while it is entered.

        Args:
            listener: bound socket, which is closed in the end.
            tls: for HTTPS.
        """
        handshake: dict[str, Any] = {"ssl_handshake_timeout": _HANDSHAKE_S} if tls else {}
        server = await serve(
            self._converse,
            sock=listener,
            ssl=tls,
            process_request=self._admit,
            compression=None,
            open_timeout=_HANDSHAKE_S,
            ping_interval=_PING_S,
            ping_timeout=_PING_TIMEOUT_S,
            close_timeout=_CLOSE_S,
            max_size=self._config.max_message_bytes,
            logger=_SILENT,
            server_header=None,
            create_connection=SparingConnection,
            **handshake,
        )
        try:
            yield
        finally:
            server.close()
            abort_opening(server, 0)
            await server.wait_closed()

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """The answer to a request; None lets a page stay connected."""
        refusal = self._guard.refusal(request.path, request.headers)
        if refusal is not None:
            self._say(refusal.text)
            return self._response(Answer(status=refusal.status, body=f"{refusal.text}\n".encode()), request)
        path = urlsplit(request.path).path
        if path.startswith(_SOCKETS):
            return self._admit_page(connection, path.removeprefix(_SOCKETS))
        if self._guard.brings_token(request.path):
            response = self._response(
                Answer(status=HTTPStatus.SEE_OTHER, body=b"", location=_without_token(request.path)), request
            )
            response.headers["Set-Cookie"] = self._guard.cookie()
            return response
        return self._response(await asyncio.to_thread(answer, self._folders, path), request)

    def _admit_page(self, connection: ServerConnection, name: str) -> Response | None:
        if name not in self._channels:
            return connection.respond(HTTPStatus.NOT_FOUND, "there is no such channel.\n")
        if len(connection.server.connections) >= self._config.max_clients:
            text = f"refused: {self._config.max_clients} pages are open already; close one."
            self._say(text)
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, f"{text}\n")
        return None

    def _say(self, text: str) -> None:
        """Log a refusal, once: a page may ask again and again."""
        if text not in self._refused and len(self._refused) < _KNOWN_REFUSALS:
            self._refused.add(text)
            _LOG.warning("%s", text)

    def _response(self, found: Answer, request: Request) -> Response:
        headers = Headers(
            {
                "Content-Type": found.content_type,
                "Content-Length": str(len(found.body)),
                "Content-Security-Policy": self._policy(request),
                "Cross-Origin-Resource-Policy": "same-origin",
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "no-store",
                "Connection": "close",
            }
        )
        if found.location:
            headers["Location"] = found.location
        return Response(found.status.value, found.status.phrase, headers, found.body)

    def _policy(self, request: Request) -> str:
        """What a page may load: from here alone, so that it works without any other network."""
        # Not every browser counts web sockets of the same origin as 'self'.
        hosts = request.headers.get_all("Host")
        sockets = f" ws://{hosts[0]} wss://{hosts[0]}" if len(hosts) == 1 and ";" not in hosts[0] else ""
        frames = " ".join(self._config.frame_sources) or "'none'"
        return (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
            f"media-src 'self' blob:; font-src 'self'; connect-src 'self'{sockets}; frame-src {frames}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
        )

    async def _converse(self, connection: ServerConnection) -> None:
        """Carry messages of a page until it leaves."""
        request = connection.request
        channel = self._channels[urlsplit(request.path if request else "").path.removeprefix(_SOCKETS)]
        client = Client(
            number=next(self._numbers), since_ns=self._clock.now_ns(), address=str(connection.remote_address[0])
        )
        outbox = Outbox(asyncio.get_running_loop())
        outbox.put("welcome", encoded({"type": "welcome", "client": client.number}))
        channel.join(client, outbox)
        writing = asyncio.ensure_future(_write(connection, outbox))
        try:
            async for frame in connection:
                stamp_ns = self._clock.now_ns()
                name, content = decoded(frame)
                channel.receive(Message(client=client.number, stamp_ns=stamp_ns, type=name, content=content))
        except CorruptError as error:
            self._say(f"{client.address}: {error}")
            await connection.close(CloseCode.INVALID_DATA, str(error))
        except ConnectionClosed:
            pass
        except Exception:
            _LOG.exception("a message of a page could not be taken")
            raise
        finally:
            channel.leave(client)
            writing.cancel()


async def _write(connection: ServerConnection, outbox: Outbox) -> None:
    """Send what waits for a client, each time that the network takes more."""
    with suppress(ConnectionClosed):
        while True:
            await connection.send(await outbox.take())


def _without_token(path: str) -> str:
    """A path without the token in its query, so that it is not kept in histories and bookmarks."""
    parts = urlsplit(path)
    query = urlencode([(name, value) for name, value in parse_qsl(parts.query) if name != "token"])
    # A path of two slashes would be another machine's address.
    return "/" + parts.path.lstrip("/") + (f"?{query}" if query else "")
