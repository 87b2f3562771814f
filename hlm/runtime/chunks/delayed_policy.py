"""A policy whose answers come after a delay on the session's clock, so that simulated time can do without waiting."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hlm.core.clock import NS_PER_S, Clock
from hlm.core.errors import InputError
from hlm.core.policy import ActionPrefix, Policy
from hlm.core.values import ActionChunk, Observation
from hlm.runtime.chunks.asking import Poll, Status

_CLOSED = "the delayed policy was closed; make a new one."


class _Answer(NamedTuple):
    """A chunk that is there, but not to be seen before `due_ns`."""

    chunk: ActionChunk
    due_ns: int
    latency_s: float


class DelayedPolicy:
    """Computes a chunk as soon as it is asked, and shows it when the delay is over; implements `AskedPolicy`.

    It is for clocks that wait, such as a simulation's: the same seed gives the same delays, whatever the machine does.
    Errors of the policy come out of `request` and `poll`.

    Args:
        policy: asked; nobody else may ask it meanwhile.
        clock: the session's.
        delay_s: from request to answer.
        jitter_s: up to so much more, drawn evenly for each request.

    Raises:
        InputError: a delay that is negative or not finite.
    """

    def __init__(self, policy: Policy, clock: Clock, delay_s: float = 0.0, jitter_s: float = 0.0) -> None:
        for name, value in (("delay", delay_s), ("jitter", jitter_s)):
            if not (math.isfinite(value) and value >= 0.0):
                raise InputError(f"a {name} must not be negative, and be finite, got {value} s.")
        self._policy = policy
        self._clock = clock
        self._delay_s = delay_s
        self._jitter_s = jitter_s
        self._closed = False
        self._newest: _Answer | None = None
        self._coming: _Answer | None = None
        self._next: tuple[Observation, ActionPrefix | None, int] | None = None
        self._rng = _delays(0)

    def request(self, observation: Observation, prefix: ActionPrefix | None = None) -> None:
        """Ask; while an answer is on its way, the newest request waits for it.

        Raises:
            HlmError: whatever the policy raises.
        """
        if self._closed:
            return
        if self._coming is None:
            self._start(observation, prefix, self._clock.now_ns())
        else:
            self._next = observation, prefix, self._clock.now_ns()

    def poll(self) -> Poll:
        """The newest chunk whose delay is over, and how things stand."""
        now_ns = self._clock.now_ns()
        while self._coming is not None and self._coming.due_ns <= now_ns:
            free_ns = self._coming.due_ns
            self._newest, self._coming = self._coming, None
            if self._next is not None:
                (observation, prefix, asked_ns), self._next = self._next, None
                self._start(observation, prefix, asked_ns, free_ns)
        newest = self._newest
        status = Status.FAILED if self._closed else Status.IDLE if self._coming is None else Status.WAITING
        error = _CLOSED if self._closed else ""
        if newest is None:
            return Poll(status=status, error=error)
        age_s = (now_ns - newest.chunk.stamp_ns) / NS_PER_S
        return Poll(chunk=newest.chunk, age_s=age_s, latency_s=newest.latency_s, status=status, error=error)

    def reset(self, seed: int) -> None:
        """Begin an episode; the same seed gives the same noise and the same delays."""
        self._policy.reset(seed)
        self._newest = self._coming = self._next = None
        self._rng = _delays(seed)

    def close(self) -> None:
        """Ask no more; what is on its way does not come."""
        self._closed = True
        self._coming = self._next = None

    def _start(
        self, observation: Observation, prefix: ActionPrefix | None, asked_ns: int, free_ns: int | None = None
    ) -> None:
        """Compute an answer; it takes its delay from when it was asked for, or from when the one before it was done."""
        delay_s = self._delay_s + self._jitter_s * self._rng.random()
        due_ns = (asked_ns if free_ns is None else free_ns) + round(delay_s * NS_PER_S)
        self._coming = _Answer(self._policy.chunk(observation, prefix), due_ns, (due_ns - asked_ns) / NS_PER_S)


def _delays(seed: int) -> np.random.Generator:
    return np.random.default_rng([seed, 2])  # 1 is the scripted operator's
