"""A client's end of the line to a policy server: connecting, asking, and noticing when nobody is there."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import replace
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.protocol import State

from hlm.core.errors import InputError, MismatchError
from hlm.core.policy import PolicySpec
from hlm.core.values import ActionChunk
from hlm.policies.serving import openpi
from hlm.policies.serving.connection import SILENT
from hlm.policies.serving.errors import AnswerError, ReplacedError, UnauthorizedError, UnreachableError, WireError
from hlm.policies.serving.messages import decode_answer, decode_error
from hlm.policies.serving.metadata import Dialect, Needs, dialect_of, spec_of
from hlm.policies.serving.peer import SilentError, exchange, watch_host
from hlm.policies.serving.wire import ANSWER_ENTRIES, unpack

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
CLOSE_S = 1.0
# A chunk of fifty actions takes 7 kB; a spec takes less.
MAX_ANSWER_BYTES = 2**20


class Link:
    """Asks one request at a time; reconnects when the connection was lost, and only to the same policy.

    Args:
        url: of the server.
        headers: of the handshake.
        connect_timeout_s: limit for reconnecting, s.
        needs: what the robot needs of the policy.

    Attributes:
        spec: of the server's policy, once connected; what is assumed of it if it does not say.
        dialect: what the server understands, once connected.
        trouble: why there is no connection; empty while there is one.
    """

    def __init__(self, url: str, headers: dict[str, str], connect_timeout_s: float, needs: Needs) -> None:
        self.spec = self._assumed = openpi.assumed_spec(url, needs.embodiment, needs.cameras)
        self.dialect = Dialect.HLM
        self.trouble = ""
        self._url, self._headers, self._needs = url, headers, needs
        self._connect_timeout_s = connect_timeout_s
        self._connection: ClientConnection | None = None
        self._greeted: PolicySpec | None = None
        self._turn = asyncio.Lock()

    async def hello(self) -> None:
        """Connect, until a timeout cancels this.

        Raises:
            UnauthorizedError: the key is missing or wrong.
            AnswerError: not a policy server.
            MismatchError: the policy cannot drive this robot.
            InputError: an invalid address.
        """
        await self._connected()

    async def ask(self, message: bytes, stamp_ns: int) -> ActionChunk:
        """The chunk that answers a request.

        Args:
            message: the request.
            stamp_ns: stamp of its observation.

        Raises:
            UnreachableError: the connection was lost, or cannot be had in time.
            RefusedError: the server refused the request.
            AnswerError: an invalid answer.
            ReplacedError: the server's policy has changed.
        """
        async with self._turn:
            connection = await self._connected_in_time()
            try:
                answer = await exchange(connection, message, pings=self.dialect is not Dialect.OPENPI)
                if isinstance(answer, bytes):
                    return self._decoded(unpack(answer), stamp_ns)
            except (ConnectionClosed, SilentError) as error:
                self._drop(connection)
                reason = _reason(error).rstrip(".")
                raise UnreachableError(
                    f"the connection to the policy server at {self._url} was lost: {reason}."
                ) from None
            except BaseException:  # Also a timeout, which cancels.
                self._drop(connection)
                raise
            if self.dialect is Dialect.OPENPI:  # It closes after an error.
                self._drop(connection)
            raise decode_error(answer)

    async def goodbye(self) -> None:
        """Close the connection."""
        if self._connection is None:
            return
        try:
            await self._connection.close()
        except asyncio.CancelledError:
            self._connection.transport.abort()
            raise

    def _drop(self, connection: ClientConnection) -> None:
        self._connection = None
        connection.transport.abort()

    def _decoded(self, message: Any, stamp_ns: int) -> ActionChunk:
        if self.dialect is not Dialect.OPENPI:
            return decode_answer(message, stamp_ns, self.spec.horizon)
        chunk = openpi.decode_answer(message, stamp_ns, self.spec.rate_hz)
        horizon = len(chunk.actions)
        self.spec = replace(self.spec, horizon=horizon, execution_horizon=min(self.spec.execution_horizon, horizon))
        return chunk

    async def _connected_in_time(self) -> ClientConnection:
        """The connection; that a server is gone is told much sooner than that it is slow."""
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                return await self._connected()
        except TimeoutError:
            raise self.unreachable(self._connect_timeout_s) from None
        except (AnswerError, MismatchError) as error:
            if isinstance(error, ReplacedError):
                raise
            raise ReplacedError(f"another server answers at {self._url} now: {error}") from None

    def unreachable(self, timeout_s: float) -> UnreachableError:
        """The error of a server that was not reached in time."""
        return UnreachableError(f"no policy server at {self._url} within {timeout_s:g} s: {self.trouble}")

    async def _connected(self) -> ClientConnection:
        """The connection; reconnects if it was lost, until a timeout cancels this."""
        if self._connection is not None and self._connection.state is State.OPEN:
            return self._connection
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                self._connection = await self._connect()
            except (OSError, InvalidHandshake, ConnectionClosed) as error:
                self.trouble = _reason(error)
            else:
                self.trouble = ""
                return self._connection
            await asyncio.sleep(pause_s)
            pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)

    async def _connect(self) -> ClientConnection:
        """Try once to connect, and check the policy."""
        self.trouble = self.trouble or "it sends nothing."  # what the last attempt met says more than this one so far
        try:
            connection = await connect(
                self._url,
                additional_headers=self._headers,
                compression=None,
                proxy=None,  # The server is in the robot's network, whatever proxy the shell has.
                open_timeout=None,
                ping_interval=None,  # `exchange` pings, and only servers that can answer.
                close_timeout=CLOSE_S,
                max_size=MAX_ANSWER_BYTES,
                logger=SILENT,
            )
        except InvalidStatus as error:
            if error.response.status_code == 401:
                raise UnauthorizedError("Unauthorized", "the API key is missing or wrong") from None
            raise
        except (InvalidURI, ValueError) as error:
            raise InputError(
                f"'{self._url}' is not the address of a policy server, such as ws://127.0.0.1:8000: {error}"
            ) from None
        try:
            watch_host(connection)
            self._greet(_metadata_map(await connection.recv()))
        except BaseException:
            connection.transport.abort()
            raise
        return connection

    def _greet(self, greeting: Any) -> None:
        """Check the policy that a server says it has."""
        dialect = dialect_of(greeting)
        greeted = self._assumed if dialect is Dialect.OPENPI else spec_of(greeting)
        self._needs.check(greeted)
        if self._greeted not in (None, greeted):
            raise ReplacedError(f"the server at {self._url} now serves another policy; create a new client.")
        if self._greeted is None:
            self._greeted = self.spec = greeted
        self.dialect = dialect


def _metadata_map(message: bytes | str) -> Any:
    if isinstance(message, str):
        raise AnswerError("its first message is text; is it a policy server?")
    try:
        return unpack(message, ANSWER_ENTRIES)
    except WireError as error:
        raise AnswerError(f"it is not a policy server of hlm: {error}") from None


def _reason(error: Exception) -> str:
    """Why connecting failed, in a few words."""
    if isinstance(error, InvalidStatus):
        body = (error.response.body or b"").decode("utf-8", "replace")
        return f"HTTP {error.response.status_code}. {' '.join(body.split())[:200]}"
    if isinstance(error, socket.gaierror):
        return f"the name of the host does not resolve ({(error.strerror or 'no reason given').lower()})."
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower() + "."
    if isinstance(error, ConnectionClosed) and error.rcvd is None and error.sent is None:
        return "its process or the network ended without a word."
    if isinstance(error, OSError) and "Connect call failed" in str(error):  # at each of the host's addresses
        return "nothing accepts connections there."
    return str(error) or type(error).__name__
