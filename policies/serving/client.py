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
from hlm.policies.serving.errors import AnswerError, AnswerTimeoutError, RefusedError, UnreachableError, WireError
from hlm.policies.serving.messages import decode_answer, decode_error, encode_request
from hlm.policies.serving.metadata import Needs, spec_of
from hlm.policies.serving.wire import ANSWER_ENTRIES, pack, unpack

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
CLOSE_S = 1.0
# A chunk of fifty actions takes 7 kB, what a server says about its policy less.
MAX_ANSWER_BYTES = 2**20


class PolicyClient:
    """A policy that a server serves; implements `hlm.core.policy.Policy`.

    Nothing waits longer than it was told to. After an answer that did not come in time, or a call that was interrupted,
    the connection is dropped: what the server says late is never taken for the next answer. The next call connects
    again, and to the same policy only.

    Args:
        url: `ws://HOST:PORT`, or `wss://` behind something that speaks TLS.
        api_key: the server's, if it has one. Over `ws://` anyone on the way can read it.
        timeout_s: how long `chunk` may take, connecting again included.
        connect_timeout_s: how long to wait for the server in the beginning.
        needs: what the robot needs of the policy.

    Raises:
        UnreachableError: there is no server in time, or it has no room.
        RefusedError: the key is wrong.
        AnswerError: it is no policy server of hlm.
        MismatchError: the policy does not belong to this robot.
        InputError: an address, a key or a time that is none.
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
        self._door = threading.Lock()  # whoever holds it decides whether another call is let in
        self._closed = False
        # The socket lives on a thread of its own, which answers the server's pings while nobody asks for a chunk.
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
        """What the server said about its policy."""
        return self._spec

    def reset(self, seed: int) -> None:
        """From now on each chunk's noise is told; the same seed gives the same chunks, whoever else asks the server."""
        self._noise = np.random.default_rng(seed)

    def chunk(self, observation: Observation, prefix: ActionPrefix | None = None) -> ActionChunk:
        """Actions from `observation.stamp_ns` on; implements the protocol.

        Args:
            observation: what is seen now.
            prefix: what is left of the last chunk, for a policy that continues chunks.

        Raises:
            AnswerTimeoutError: no answer in time.
            UnreachableError: no connection in time, or it was lost.
            RefusedError: the server does not take the observation; the connection goes on.
            AnswerError: the answer is none.
            MismatchError: a prefix for a policy that cannot continue one, or the server has another policy by now.
        """
        if prefix is not None and not self._spec.continues_chunks:
            raise MismatchError("the served policy cannot continue a chunk; ask without a prefix.")
        seed = None if self._noise is None else int(self._noise.integers(2**63))
        message = pack(encode_request(observation, prefix, seed))
        return self._run(self._ask(message, observation.stamp_ns), self._timeout_s)

    def close(self) -> None:
        """Say goodbye and end the thread; takes a second at most, and may be called again.

        A call that another thread is in ends with an `UnreachableError`.
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
        """What the coroutine gives on the socket's thread, within the time."""
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
            future.cancel()  # Ctrl+C in this thread: the coroutine must not go on
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
            except BaseException:  # also the deadline, which cancels
                self._connection = None
                connection.transport.abort()
                raise
            raise decode_error(answer)

    async def _hello(self) -> PolicySpec:
        await self._connected()
        if self._served is None:
            raise UnreachableError(f"the policy server at {self.url} said nothing.")
        return self._served

    async def _connected(self) -> ClientConnection:
        """The connection; a new one if it was lost, tried for until the deadline cancels this."""
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
        """One attempt: connect, and hear whether it is the right policy."""
        self._trouble = "it says nothing"
        try:
            connection = await connect(
                self.url,
                additional_headers=self._headers,
                compression=None,
                proxy=None,  # a robot's server is in its own network, whatever proxy the shell has
                open_timeout=None,
                close_timeout=CLOSE_S,
                max_size=MAX_ANSWER_BYTES,
                logger=SILENT,
            )
        except InvalidStatus as error:
            if error.response.status_code == 401:
                raise RefusedError("Unauthorized", "it wants its API key, or another one") from None
            raise
        except (InvalidURI, ValueError) as error:
            raise InputError(
                f"'{self.url}' is no address of a policy server, e.g. ws://127.0.0.1:8000: {error}"
            ) from None
        try:
            served = spec_of(_metadata_map(await connection.recv()))
            self._needs.check(served)
            if self._served not in (None, served):
                raise MismatchError(f"the server at {self.url} has another policy by now; connect anew to use it.")
        except BaseException:
            connection.transport.abort()
            raise
        self._served = served
        return connection

    async def _goodbye(self) -> None:
        """Cancel what other threads wait for, and close the connection."""
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
        raise AnswerError("it greets with text; is it a policy server?")
    try:
        return unpack(message, ANSWER_ENTRIES)
    except WireError as error:
        raise AnswerError(f"it is no policy server of hlm: {error}") from None


def _reason(error: Exception) -> str:
    """Why there is no connection, in a few words."""
    if isinstance(error, InvalidStatus):
        body = (error.response.body or b"").decode("utf-8", "replace")
        return f"HTTP {error.response.status_code}. {' '.join(body.split())[:200]}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower() + "."
    return str(error) or type(error).__name__
