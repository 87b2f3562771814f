"""A policy that never keeps a control loop waiting."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from types import TracebackType
from typing import NamedTuple, Self

from hlm.core.clock import Clock, MonotonicClock
from hlm.core.errors import HlmError
from hlm.core.policy import ActionPrefix, Policy
from hlm.core.values import ActionChunk, Observation
from hlm.runtime.chunks.asking import Poll, Status

_LOG = logging.getLogger(__name__)

_CLOSED = "the background policy was closed; make a new one."


class _Request(NamedTuple):
    observation: Observation
    prefix: ActionPrefix | None
    asked_ns: int
    episode: int


class BackgroundPolicy:
    """Asks a policy in a thread of its own: `PolicyClient` for one on another machine, or any that is loaded here.

    Implements `hlm.runtime.chunks.asking.AskedPolicy`.

    `request` and `poll` return at once, whatever the policy or the network does, and raise nothing of it. One request
    is on its way at a time. The newest one that comes meanwhile takes the place of an older one that has not left yet,
    since an older observation is worth less. One that failed is not sent again: its observation is old by then.

    Args:
        policy: asked; nobody else may ask it meanwhile.
        clock: that observations are stamped with.
    """

    def __init__(self, policy: Policy, clock: Clock | None = None) -> None:
        self._policy = policy
        self._clock: Clock = MonotonicClock() if clock is None else clock
        self._stopwatch = MonotonicClock()  # the session's clock may be simulated, and waiting never is
        self._changed = threading.Condition()
        self._next: _Request | None = None
        self._asking = False
        self._episode = 0
        self._seed: int | None = None  # that the policy has yet to be told
        self._newest = Poll()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="background policy", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def request(self, observation: Observation, prefix: ActionPrefix | None = None) -> None:
        """Ask for a chunk.

        Args:
            observation: what is seen now.
            prefix: what is left of the last chunk, for a policy that continues chunks.
        """
        with self._changed:
            if self._closed:
                self._refuse()
                return
            self._next = _Request(observation, prefix, self._stopwatch.now_ns(), self._episode)
            self._changed.notify()

    def poll(self) -> Poll:
        """The newest chunk and how things stand."""
        with self._changed:
            newest = self._newest
            waiting = self._newest.error != _CLOSED and (self._next is not None or self._asking)
        chunk = newest.chunk
        return Poll(
            chunk=chunk,
            age_s=0.0 if chunk is None else (self._clock.now_ns() - chunk.stamp_ns) * 1e-9,
            latency_s=newest.latency_s,
            status=Status.WAITING if waiting else newest.status,
            error=newest.error,
        )

    def reset(self, seed: int | None = None) -> None:
        """Forget the chunk and all requests, as an episode begins; what is on its way will not be delivered.

        Args:
            seed: that the policy's noise restarts from before the next request; None leaves it as it is.
        """
        with self._changed:
            self._episode += 1
            self._seed = seed
            self._next = None
            self._newest = Poll()

    def close(self, timeout_s: float = 1.0) -> None:
        """Ask no more; waits for the request that is on its way, no longer than `timeout_s`.

        A request that has not left yet fails, and so does every later one.
        """
        with self._changed:
            self._closed = True
            if self._next is not None:
                self._next = None
                self._refuse()
            self._changed.notify()
        self._thread.join(timeout_s)
        with self._changed:
            if self._asking:
                self._refuse()

    def _refuse(self) -> None:
        self._newest = replace(self._newest, status=Status.FAILED, error=_CLOSED)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._next is not None)
                if self._closed or self._next is None:
                    return
                request, self._next, self._asking = self._next, None, True
                seed, self._seed = self._seed, None
            chunk, error = self._ask(request, seed)
            with self._changed:
                self._asking = False
                if request.episode != self._episode:
                    continue
                if chunk is None:
                    self._newest = replace(self._newest, status=Status.FAILED, error=error)
                else:
                    latency_s = (self._stopwatch.now_ns() - request.asked_ns) * 1e-9
                    refused = self._newest.error == _CLOSED  # the newest request, which this does not answer
                    self._newest = Poll(chunk=chunk, latency_s=latency_s)
                    if refused:
                        self._refuse()

    def _ask(self, request: _Request, seed: int | None) -> tuple[ActionChunk | None, str]:
        try:
            if seed is not None:
                self._policy.reset(seed)
            return self._policy.chunk(request.observation, request.prefix), ""
        except HlmError as error:
            return None, str(error)
        except Exception as error:  # noqa: BLE001 - a control loop goes on, whatever a policy does
            _LOG.exception("the policy failed")
            return None, f"{type(error).__name__}: {error}"
