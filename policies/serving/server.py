"""A policy server: openpi's websocket protocol, with bounds on everything that a client can use.

The policy computes in one thread, so that pings and health checks are answered meanwhile. A connection has at most one
request in the queue, so that clients take turns however fast each of them asks. Requests sent ahead wait in the
connection, which bounds them (`hlm.policies.serving.connection`).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self, cast

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.protocol import State

from hlm.core.clock import MonotonicClock
from hlm.core.errors import InputError
from hlm.core.listening import taken, url_of
from hlm.core.policy import Policy
from hlm.policies.serving.admission import Admission
from hlm.policies.serving.connection import SILENT, BoundedConnection
from hlm.policies.serving.metadata import spec_message
from hlm.policies.serving.statistics import ServingStatistics
from hlm.policies.serving.wire import pack
from hlm.policies.serving.worker import Reply, Worker

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerConfig:
    """Limits of a server.

    Attributes:
        max_message_bytes: largest request, bytes; clients that send a larger one are disconnected, and so are clients
            with more than four unanswered requests.
        max_clients: simultaneous connections.
        handshake_s: time limit of a websocket handshake, s.
        ping_s: interval of pings, and time limit of their answers, s.
        close_s: time limit of the closing handshake, s.
    """

    max_message_bytes: int = 32_000_000
    max_clients: int = 16
    handshake_s: float = 5.0
    ping_s: float = 20.0
    close_s: float = 2.0

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InputError: a limit that is not positive.
        """
        for name in ("max_message_bytes", "max_clients", "handshake_s", "ping_s", "close_s"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, got {getattr(self, name)}.")


class PolicyServer:
    """Serves a policy while it is entered: warms it up, listens, and finally finishes the running request.

    Args:
        policy: policy to serve, called from a thread of its own.
        listener: bound socket, which the server takes over.
        config: limits.
        api_key: key that clients must send; None admits every client.
        describe_sampling: returns how chunks are computed and which faster ways failed, for `health`.

    Attributes:
        url: address of the server.
        statistics: statistics of its answers.
    """

    def __init__(
        self,
        policy: Policy,
        listener: socket.socket,
        config: ServerConfig | None = None,
        *,
        api_key: str | None = None,
        describe_sampling: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        self.url = url_of(listener)
        self.statistics = ServingStatistics()
        self._config = ServerConfig() if config is None else config
        self._listener = listener
        self._admission = Admission(api_key, self._config.max_clients, self.health)
        self._policy = policy
        self._describe_sampling = describe_sampling
        self._worker = Worker(policy)
        self._clock = MonotonicClock()
        self._started_ns = self._clock.now_ns()
        self._greeting = pack(spec_message(policy.spec))
        self._waiting: set[ServerConnection] = set()
        self._stopping = False
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        """Warm up, then listen; connections are refused until then.

        Raises:
            HlmError: the policy refuses an observation as its spec describes it.
            InputError: another server has started to listen at the address.
        """
        try:
            await asyncio.wrap_future(self._worker.warm_up())
            self._started_ns = self._clock.now_ns()
            self._server = await self._listen()
        except BaseException:
            self._worker.stop()
            self._listener.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Answer the running request, and close all connections (close code 1001)."""
        self._stopping = True
        self._worker.stop()
        if self._server is None:
            return
        self._server.close(close_connections=False)
        goodbyes = []
        for connection in list(self._server.handlers):
            if connection.protocol.state is State.CONNECTING:
                connection.transport.abort()
            elif connection not in self._waiting:
                goodbyes.append(_goodbye(connection))
        await asyncio.gather(*goodbyes)
        await self._server.wait_closed()

    def health(self) -> dict[str, Any]:
        """The server's health, for JSON."""
        return {
            "status": "stopping" if self._stopping else "ok",
            "policy_type": self._policy.spec.policy_type,
            "checkpoint": self._policy.spec.origin,
            "uptime_s": round((self._clock.now_ns() - self._started_ns) * 1e-9, 3),
            "clients": 0 if self._server is None else len(self._server.connections),
            "queue": len(self._waiting),
            "busy_s": round(self._worker.busy_s(), 3),
            "requests": self.statistics.requests,
            "errors": self.statistics.errors,
            "latency_ms": self.statistics.latency_ms(),
            "barred": self._barred(),
        } | _sampling(self._describe_sampling())

    def _barred(self) -> list[str]:
        """Images that are fitted with black bars, a line for each camera."""
        into_height, into_width = self._policy.spec.image_size
        return [
            f"{name}: {height} x {width} (height x width), into {into_height} x {into_width}"
            for name, (height, width) in self._worker.barred.items()
        ]

    async def _listen(self) -> Server:
        config = self._config
        listening = serve(
            self._converse,
            sock=self._listener,
            # Web pages in a local browser could reach the loopback interface; their requests have an origin.
            origins=[None],
            compression=None,
            process_request=self._admission,
            open_timeout=config.handshake_s,
            ping_interval=config.ping_s,
            ping_timeout=config.ping_s,
            close_timeout=config.close_s,
            max_size=config.max_message_bytes,
            max_queue=None,  # the connection has its own bounds
            logger=SILENT,
            create_connection=BoundedConnection,
        )
        try:
            return await listening
        except OSError as error:
            host, port = self._listener.getsockname()[:2]
            raise taken(host, port, error) from None

    async def _converse(self, connection: ServerConnection) -> None:
        """Send the spec, then answer each request until the client leaves or the server stops."""
        gone = asyncio.ensure_future(connection.wait_closed())
        try:
            await self._answer(cast(BoundedConnection, connection), gone)
            if self._stopping:
                await _goodbye(connection)
        except ConnectionClosed:
            pass
        except Exception:
            _LOG.exception("a connection failed")  # The log of `websockets` is off, see `SILENT`.
            raise
        finally:
            gone.cancel()

    async def _answer(self, connection: BoundedConnection, gone: asyncio.Future[None]) -> None:
        previous_s: float | None = None
        await connection.send(self._greeting)
        async for message in connection:
            received_ns = self._clock.now_ns()
            reply = await self._reply(connection, message, previous_s, gone)
            if reply is None:
                return
            connection.answered()
            await connection.send(reply.payload)
            previous_s = (self._clock.now_ns() - received_ns) * 1e-9
            if self._stopping:
                return

    async def _reply(
        self, connection: ServerConnection, message: bytes | str, previous_s: float | None, gone: asyncio.Future[None]
    ) -> Reply | None:
        """The answer to a request; None if the client has left or the server is stopping."""
        if self._stopping:
            return None
        job = self._worker.submit(message, previous_s)
        self._waiting.add(connection)
        try:
            outcomes: set[asyncio.Future[Any]] = {asyncio.wrap_future(job), gone}
            await asyncio.wait(outcomes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waiting.discard(connection)
        if job.cancel() or not job.done():
            return None
        reply = job.result()
        if reply.timing is None:
            self.statistics.refused()
        else:
            self.statistics.answered(reply.timing.infer_s, reply.timing.queue_s)
        return reply


def _sampling(info: Mapping[str, object]) -> dict[str, Any]:
    """How chunks are computed and which faster ways failed, for JSON."""
    said: dict[str, Any] = {"sampling": str(info["sampling"])} if "sampling" in info else {}
    if isinstance(left_out := info.get("left_out"), list | tuple):
        said["left_out"] = [" ".join(str(text).split()) for text in left_out]
    return said


async def _goodbye(connection: ServerConnection) -> None:
    await connection.close(CloseCode.GOING_AWAY, "the server is stopping")
