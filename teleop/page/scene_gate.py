"""The only door to the 3-D view: it lets pages in that know their key, and keeps the hands of watchers off it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgpack

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

_STOP_S, _HANDSHAKE_S = 3.0, 5.0
# What a page that watches may say to the 3-D view: where its own camera is.
_HARMLESS = frozenset({"ViewerCameraMessage"})
# Of the viewer's page: its own panels would cover the robot, and what they offer is ours to offer.
_PICTURE_ALONE = b"<style>body * { visibility: hidden; } canvas { visibility: visible; }</style>"
_SILENT = logging.Logger("3-D view", logging.CRITICAL)


class SceneGate:
    """Serves the 3-D view's page under secret paths, and carries its messages to a server on this machine alone.

    Args:
        listener: bound socket, which is closed in the end.
        viewer: address and port of the 3-D view's server, on this machine alone.
        index: page of the 3-D view.
        tls: for HTTPS; None for HTTP.
    """

    def __init__(
        self, listener: socket.socket, viewer: tuple[str, int], index: Path, tls: ssl.SSLContext | None
    ) -> None:
        self._listener, self._tls = listener, tls
        self._viewer = f"ws://{viewer[0]}:{viewer[1]}"
        self._body = index.read_bytes().replace(b"</head>", _PICTURE_ALONE + b"</head>", 1)
        self._may_touch: dict[str, Callable[[], bool]] = {}
        self._stop: Callable[[], None] = lambda: None
        self._thread = threading.Thread(target=self._run, name="3-D gate", daemon=True)
        self._started: Future[None] = Future()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        self._started.result()

    def stop(self) -> None:
        """Stop listening."""
        self._stop()
        self._thread.join(_STOP_S)

    def admit(self, may_touch: Callable[[], bool]) -> str:
        """Secret path for a page.

        Args:
            may_touch: whether what it does with handles counts at this moment.
        """
        key = secrets.token_urlsafe(16)
        self._may_touch[key] = may_touch
        return f"/{key}/"

    def dismiss(self, path: str) -> None:
        """Close a path."""
        self._may_touch.pop(path.strip("/"), None)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    async def _serve(self) -> None:
        from websockets.asyncio.server import serve

        from hlm.teleop.web.opening import SparingConnection

        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.call_soon_threadsafe(stopped.set)

        self._stop = stop
        async with serve(
            self._carry,
            sock=self._listener,
            ssl=self._tls,
            process_request=self._answer,
            select_subprotocol=lambda _, offered: next(iter(offered), None),
            compression=None,
            open_timeout=_HANDSHAKE_S,
            create_connection=SparingConnection,
            max_size=2**20,
            logger=_SILENT,
        ):
            self._started.set_result(None)
            await stopped.wait()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        from websockets.datastructures import Headers
        from websockets.http11 import Response

        if _key(request.path) not in self._may_touch:
            return connection.respond(HTTPStatus.NOT_FOUND, "open the operator's page instead.\n")
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return None
        headers = Headers(
            {
                "Content-Type": "text/html; charset=utf-8",
                "Content-Length": str(len(self._body)),
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
                "Connection": "close",
            }
        )
        return Response(HTTPStatus.OK.value, HTTPStatus.OK.phrase, headers, self._body)

    async def _carry(self, page: ServerConnection) -> None:
        """Carry messages both ways until one end leaves."""
        from websockets.asyncio.client import connect
        from websockets.exceptions import ConnectionClosed

        may_touch = self._may_touch.get(_key(page.request.path if page.request else ""), lambda: False)
        subprotocols: Any = [page.subprotocol] if page.subprotocol else None
        async with connect(self._viewer, subprotocols=subprotocols, compression=None, max_size=None) as viewer:

            async def inwards() -> None:
                async for frame in page:
                    if may_touch() or _harmless(frame):
                        await viewer.send(frame)

            async def outwards() -> None:
                async for frame in viewer:
                    await page.send(frame)

            with suppress(ConnectionClosed):
                done, waiting = await asyncio.wait(
                    [asyncio.ensure_future(inwards()), asyncio.ensure_future(outwards())],
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for task in waiting:
                    task.cancel()
                await asyncio.gather(*done, *waiting, return_exceptions=True)


def _key(path: str) -> str:
    return path.partition("?")[0].strip("/")


def _harmless(frame: str | bytes) -> bool:
    try:
        message = msgpack.unpackb(frame)
        return isinstance(message, dict) and message.get("type") in _HARMLESS
    except Exception:  # noqa: BLE001 - a page may send anything
        return False
