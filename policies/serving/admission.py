"""Admission of clients: health checks, API key and number of clients, decided before the websocket handshake."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from hlm.core.errors import InputError

SCHEME = "Api-Key"
MIN_KEY_CHARACTERS = 16


def check_key(key: str) -> str:
    """The key without surrounding white space, checked to fit in a header and to be hard to guess.

    Raises:
        InputError: it is too short, or has characters other than visible ASCII.
    """
    key = key.strip()
    if len(key) < MIN_KEY_CHARACTERS or not all("!" <= character <= "~" for character in key):
        raise InputError(
            f"an API key needs at least {MIN_KEY_CHARACTERS} visible ASCII characters; create one with: "
            'python -c "import secrets; print(secrets.token_urlsafe())"'
        )
    return key


class Admission:
    """Answers health checks, and rejects clients without the key or beyond the limit.

    Args:
        api_key: key that clients must send; None admits every client.
        max_clients: simultaneous connections.
        health: returns the server's health.
    """

    def __init__(self, api_key: str | None, max_clients: int, health: Callable[[], dict[str, Any]]) -> None:
        self._authorization = None if api_key is None else f"{SCHEME} {api_key}".encode()
        self._max_clients = max_clients
        self._health = health

    def __call__(self, connection: ServerConnection, request: Request) -> Response | None:
        """The response to an HTTP request; None continues the websocket handshake.

        `/healthz` answers OK to everyone. `/health`, or `/healthz` with `Accept: application/json`, returns the health
        to clients with the key.
        """
        path = request.path.partition("?")[0]
        accepts = ",".join(request.headers.get_all("Accept"))
        if path == "/healthz" and "application/json" not in accepts:
            return connection.respond(HTTPStatus.OK, "OK\n")
        if not self._authorized(request.headers):
            response = connection.respond(HTTPStatus.UNAUTHORIZED, "this policy server needs an API key.\n")
            response.headers["WWW-Authenticate"] = SCHEME
            return response
        if path in ("/health", "/healthz"):
            return _json(self._health())
        if len(connection.server.connections) >= self._max_clients:
            text = (
                f"this policy server already has {self._max_clients} clients: use fewer --workers in `hlm eval`, or a "
                "larger --max-clients in `hlm serve`.\n"
            )
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, text)
        return None

    def _authorized(self, headers: Headers) -> bool:
        if self._authorization is None:
            return True
        given = headers.get_all("Authorization")
        return len(given) == 1 and hmac.compare_digest(given[0].encode(errors="surrogateescape"), self._authorization)


def _json(document: dict[str, Any]) -> Response:
    body = json.dumps(document).encode()
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"})
    return Response(HTTPStatus.OK.value, HTTPStatus.OK.phrase, headers, body)
