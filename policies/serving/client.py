"""A policy on another machine, as if it were here."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.protocol import State

from hlm.core.errors import InputError, MismatchError
from hlm.core.policy import ActionPrefix, PolicySpec
from hlm.core.values import ActionChunk, Observation
from hlm.policies.serving.admission import SCHEME, check_key
from hlm.policies.serving.connection import SILENT
from hlm.policies.serving.errors import (
    AnswerError,
    AnswerTimeoutError,
    RefusedError,
    ReplacedError,
    UnreachableError,
    WireError,
)
from hlm.policies.serving.messages import decode_answer, decode_error, encode_request
from hlm.policies.serving.metadata import Needs, spec_of
from hlm.policies.serving.wire import ANSWER_ENTRIES, pack, unpack

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
CLOSE_S = 1.0
# A chunk of fifty actions takes 7 kB; a spec takes less.
MAX_ANSWER_BYTES = 2**20


class PolicyClient:
    """A policy that a server serves; implements `hlm.core.policy.Policy`.

    No call blocks longer than its timeout. After a timeout or an interrupted call the connection is dropped, so that a
    late answer is never taken for the next one. The next call reconnects, and only to the same policy.

    Args:
        url: `ws://HOST:PORT`, or `wss://` behind a proxy with TLS.
        api_key: the server's API key, if it has one. `ws://` does not encrypt it.
        timeout_s: limit for a call of `chunk`, reconnecting included.
        connect_timeout_s: limit for the first connection.
        needs: what the robot needs of the policy.

    Raises:
        UnreachableError: no server within the timeout, or it has no room.
        RefusedError: the key is missing or wrong.
        AnswerError: not a policy server of hlm.
        MismatchError: the policy cannot drive this robot.
        InputError: an invalid address, key or timeout.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        timeout_s: float = 2.0,
        connect_timeout_s: float = 5.0,
        needs: Needs | None = None,
    ) -> None:
        if not (timeout_s > 0.0 and connect_timeout_s > 0.0):
            raise InputError(f"timeouts must be positive, got {timeout_s} and {connect_timeout_s} s.")
        self.url = url if "://" in url else f"ws://{url}"
        self._timeout_s = timeout_s
        self._needs = Needs() if needs is None else needs
        self._headers = {} if api_key is None else {"Authorization": f"{SCHEME} {check_key(api_key)}"}
        self._connection: ClientConnection | None = None
        self._served: PolicySpec | None = None
        self._trouble = ""
        self._noise: np.random.Generator | None = None
        self._turn = asyncio.Lock()
        self._door = threading.Lock()  # guards `_closed`
        self._closed = False
        # The socket has a thread of its own, which answers the server's pings between calls.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="policy client", daemon=True)
        self._thread.start()
        try:
            self._spec = self._run(self._hello(), connect_timeout_s)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def spec(self) -> PolicySpec:
        """The spec that the server sent."""
        return self._spec

    def reset(self, seed: int) -> None:
        """Send a seed with each request from now on: equal seeds give equal chunks, whatever other clients ask."""
        self._noise = np.random.default_rng(seed)

    def chunk(self, observation: Observation, prefix: ActionPrefix | None = None) -> ActionChunk:
        """Actions from `observation.stamp_ns` on; implements the protocol.

        Args:
            observation: current observation.
            prefix: rest of the last chunk, for policies that continue chunks.

        Raises:
            AnswerTimeoutError: no answer within the timeout.
            UnreachableError: no connection within the timeout, or it was lost.
            RefusedError: the server refused the request; the connection stays open.
            AnswerError: an invalid answer.
            MismatchError: a prefix for a policy that cannot continue one, or the server's policy has changed.
        """
        if prefix is not None and not self._spec.continues_chunks:
            raise MismatchError("the served policy cannot continue a chunk; ask without a prefix.")
        seed = None if self._noise is None else int(self._noise.integers(2**63))
        message = pack(encode_request(observation, prefix, seed))
        return self._run(self._ask(message, observation.stamp_ns), self._timeout_s)

    def close(self) -> None:
        """Close the connection and end the thread within a second; may be called again.

        A running call of another thread raises `UnreachableError`.
        """
        with self._door:
            if self._closed or not self._thread.is_alive():
                return
            self._closed = True
            goodbye = self._start(self._goodbye(), CLOSE_S)
        try:
            with suppress(TimeoutError):
                goodbye.result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(CLOSE_S)
            if not self._thread.is_alive():
                self._loop.close()

    def _start[Result](self, coroutine: Coroutine[Any, Any, Result], timeout_s: float) -> Future[Result]:
        return asyncio.run_coroutine_threadsafe(_within(timeout_s, coroutine), self._loop)

    def _run[Result](self, coroutine: Coroutine[Any, Any, Result], timeout_s: float) -> Result:
        """The coroutine's result, from the socket's thread, within the timeout."""
        with self._door:
            if self._closed or not self._thread.is_alive():
                coroutine.close()
                raise UnreachableError(f"the client of {self.url} was closed.")
            future = self._start(coroutine, timeout_s)
        try:
            return future.result()
        except TimeoutError:
            raise self._too_late(timeout_s) from None
        except CancelledError:
            raise UnreachableError(f"the client of {self.url} was closed.") from None
        except BaseException:
            future.cancel()  # Ctrl+C in this thread must also end the coroutine.
            raise

    def _too_late(self, timeout_s: float) -> AnswerTimeoutError | UnreachableError:
        if self._trouble:
            return UnreachableError(f"no policy server at {self.url} within {timeout_s:g} s: {self._trouble}")
        return AnswerTimeoutError(f"the policy server at {self.url} did not answer within {timeout_s:g} s.")

    async def _ask(self, message: bytes, stamp_ns: int) -> ActionChunk:
        async with self._turn:
            connection = await self._connected()
            try:
                await connection.send(message)
                answer = await connection.recv()
                if isinstance(answer, bytes):
                    return decode_answer(unpack(answer), stamp_ns, self._spec.horizon)
            except ConnectionClosed as error:
                raise UnreachableError(f"the connection to the policy server at {self.url} was lost: {error}") from None
            except BaseException:  # Also a timeout, which cancels.
                self._connection = None
                connection.transport.abort()
                raise
            raise decode_error(answer)

    async def _hello(self) -> PolicySpec:
        await self._connected()
        if self._served is None:
            raise UnreachableError(f"the policy server at {self.url} sent no spec.")
        return self._served

    async def _connected(self) -> ClientConnection:
        """The connection; reconnects if it was lost, until the timeout cancels this."""
        if self._connection is not None and self._connection.state is State.OPEN:
            return self._connection
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                self._connection = await self._connect()
            except (OSError, InvalidHandshake, ConnectionClosed) as error:
                self._trouble = _reason(error)
            else:
                self._trouble = ""
                return self._connection
            await asyncio.sleep(pause_s)
            pause_s = min(2.0 * pause_s, LONGEST_PAUSE_S)

    async def _connect(self) -> ClientConnection:
        """Try once to connect, and check the policy."""
        self._trouble = "it sends nothing"
        try:
            connection = await connect(
                self.url,
                additional_headers=self._headers,
                compression=None,
                proxy=None,  # The server is in the robot's network, whatever proxy the shell has.
                open_timeout=None,
                close_timeout=CLOSE_S,
                max_size=MAX_ANSWER_BYTES,
                logger=SILENT,
            )
        except InvalidStatus as error:
            if error.response.status_code == 401:
                raise RefusedError("Unauthorized", "the API key is missing or wrong") from None
            raise
        except (InvalidURI, ValueError) as error:
            raise InputError(
                f"'{self.url}' is not the address of a policy server, such as ws://127.0.0.1:8000: {error}"
            ) from None
        try:
            served = spec_of(_metadata_map(await connection.recv()))
            self._needs.check(served)
            if self._served not in (None, served):
                raise ReplacedError(f"the server at {self.url} now serves another policy; create a new client.")
        except BaseException:
            connection.transport.abort()
            raise
        self._served = served
        return connection

    async def _goodbye(self) -> None:
        """Cancel the calls of other threads, and close the connection."""
        if calls := asyncio.all_tasks() - {asyncio.current_task()}:
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
        if self._connection is None:
            return
        try:
            await self._connection.close()
        except asyncio.CancelledError:
            self._connection.transport.abort()
            raise


async def _within[Result](timeout_s: float, coroutine: Coroutine[Any, Any, Result]) -> Result:
    async with asyncio.timeout(timeout_s):
        return await coroutine


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
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower() + "."
    return str(error) or type(error).__name__
