"""A policy on another machine, as if it were here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import numpy as np

from hlm.core.errors import InputError, MismatchError
from hlm.core.policy import ActionPrefix, PolicySpec
from hlm.core.values import ActionChunk, Observation
from hlm.policies.serving import openpi
from hlm.policies.serving.admission import SCHEME, check_key
from hlm.policies.serving.errors import AnswerTimeoutError, UnreachableError
from hlm.policies.serving.link import CLOSE_S, Link
from hlm.policies.serving.messages import encode_request
from hlm.policies.serving.metadata import Dialect, Needs
from hlm.policies.serving.wire import pack


class PolicyClient:
    """A policy that a server serves; implements `hlm.core.policy.Policy`.

    No call blocks longer than its timeout, and one whose server dies ends within 5 s. After a timeout or an interrupted
    call the connection is dropped, so that a late answer is never taken for the next one. The next call reconnects, and
    only to the same policy.

    A server of openpi or OpenHLM does not say what it serves: its spec is `hlm.policies.serving.openpi.assumed_spec`,
    with the horizon of the first chunk from then on.

    Args:
        url: `ws://HOST:PORT`, or `wss://` behind a proxy with TLS.
        api_key: the server's API key, if it has one. `ws://` does not encrypt it.
        timeout_s: limit for a call of `chunk`, reconnecting included.
        connect_timeout_s: limit for connecting, also within a call.
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
        headers = {} if api_key is None else {"Authorization": f"{SCHEME} {check_key(api_key)}"}
        self._link = Link(self.url, headers, connect_timeout_s, Needs() if needs is None else needs)
        self._seed: int | None = None
        self._chunks = 0  # asked for since the seed was set
        self._former_noise = np.random.default_rng()
        self._door = threading.Lock()  # guards `_closed`
        self._closed = False
        # The socket has a thread of its own, which answers the server's pings between calls.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="policy client", daemon=True)
        self._thread.start()
        try:
            self._run(self._link.hello(), connect_timeout_s)
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
        """The spec that the server sent, or what is assumed of a server that sends none."""
        return self._link.spec

    def reset(self, seed: int, chunks: int = 0) -> None:
        """Send a seed with each request from now on: the chunks are those of the same policy in this process.

        A server of openpi or OpenHLM takes no seeds.
        """
        self._seed, self._chunks = seed, chunks
        self._former_noise = np.random.default_rng(seed)

    def chunk(self, observation: Observation, prefix: ActionPrefix | None = None) -> ActionChunk:
        """Actions from `observation.stamp_ns` on; implements the protocol.

        Args:
            observation: current observation.
            prefix: rest of the last chunk, for policies that continue chunks.

        Raises:
            AnswerTimeoutError: no answer within the timeout.
            UnreachableError: no connection within the timeout, or it was lost.
            RefusedError: the server refused the request; the connection stays open.
            PolicyFailedError: its policy failed, such as by actions that are not finite; a `RefusedError`.
            AnswerError: an invalid answer.
            MismatchError: a prefix for a policy that cannot continue one, or the server's policy has changed.
        """
        if prefix is not None and not self.spec.continues_chunks:
            raise MismatchError("the served policy cannot continue a chunk; ask without a prefix.")
        message = pack(self._request(observation, prefix))
        return self._run(self._link.ask(message, observation.stamp_ns), self._timeout_s)

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
        if self._link.trouble:
            return self._link.unreachable(timeout_s)
        return AnswerTimeoutError(f"the policy server at {self.url} did not answer within {timeout_s:g} s.")

    def _request(self, observation: Observation, prefix: ActionPrefix | None) -> dict[str, Any]:
        if self._link.dialect is Dialect.OPENPI:
            return openpi.encode_request(observation)
        if self._seed is None:
            return encode_request(observation, prefix)
        if self._link.dialect is Dialect.FORMER:
            return encode_request(observation, prefix, int(self._former_noise.integers(2**63)))
        self._chunks += 1
        return encode_request(observation, prefix, self._seed, self._chunks - 1)

    async def _goodbye(self) -> None:
        """Cancel the calls of other threads, and close the connection."""
        if calls := asyncio.all_tasks() - {asyncio.current_task()}:
            for call in calls:
                call.cancel()
            await asyncio.wait(calls)
        await self._link.goodbye()


async def _within[Result](timeout_s: float, coroutine: Coroutine[Any, Any, Result]) -> Result:
    async with asyncio.timeout(timeout_s):
        return await coroutine
