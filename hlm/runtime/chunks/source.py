"""A policy in the operator's place: a scheduler decides when it is asked, and its actions are played by due time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.clock import STEP_HZ
from hlm.core.errors import HlmError
from hlm.core.layout import DIMENSIONS
from hlm.core.values import ActionChunk, Observation, Reference
from hlm.runtime.chunks.asking import AskedPolicy, Status
from hlm.runtime.chunks.delay import DelayEstimate
from hlm.runtime.chunks.playback import Playback, Rest, actions_left, steps_between
from hlm.runtime.chunks.schedulers import ChunkConfig, Scheduler


class StarvedError(HlmError):
    """A policy that has given no chunk for longer than references may stand still."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What happened since the reset; answered = joined + refused, and asked = answered + failed + on its way (0 or 1).

    Attributes:
        asked: requests.
        joined: chunks that were played from their arrival on.
        late: those of them that came later than was expected when they were asked for.
        refused: chunks that came when all their actions were over, or that answer another observation.
        failed: requests without an answer, or whose answer nobody waited for.
        rests: how often references came to rest for want of a chunk.
        rest_steps: steps at which they stood still.
    """

    asked: int = 0
    joined: int = 0
    late: int = 0
    refused: int = 0
    failed: int = 0
    rests: int = 0
    rest_steps: int = 0

    def plus(self, **more: int) -> Counts:
        """The counts with some of them increased."""
        return replace(self, **{name: getattr(self, name) + number for name, number in more.items()})


@dataclass(frozen=True, slots=True)
class _Request:
    """The request that is on its way: the stamp of its observation, and the steps that its answer should take."""

    stamp_ns: int
    expected: int


class ChunkSource:
    """A policy as a reference source; implements `hlm.core.protocols.ReferenceSource`.

    While no chunk has an action for now, the reference stands still at the last one, at most for
    `ChunkConfig.max_rest_s`. The due times of a chunk are later by the time that the reference has stood still since
    its observation: the robot did nothing of the plan meanwhile.

    Args:
        policy: asked; whoever makes the source resets it.
        scheduler: decides when.
        config: how chunks follow each other.
        rate_hz: steps per second.
    """

    def __init__(
        self, policy: AskedPolicy, scheduler: Scheduler, config: ChunkConfig, rate_hz: float = STEP_HZ
    ) -> None:
        self._policy = policy
        self._scheduler = scheduler
        self._config = config
        self._rate_hz = rate_hz
        self._played: Playback = Rest.at_action(np.zeros(DIMENSIONS), 0)
        self._last: FloatArray = np.zeros(DIMENSIONS)
        self._request: _Request | None = None
        self._delay = DelayEstimate()
        self._counts = Counts()
        self._trouble = ""

    @property
    def config(self) -> ChunkConfig:
        """How chunks follow each other."""
        return self._config

    @property
    def counts(self) -> Counts:
        """What happened since the reset."""
        return self._counts

    @property
    def playback(self) -> Playback:
        """What is being played."""
        return self._played

    def reset(self, observation: Observation) -> None:
        """Forget the last episode's chunks; the reference rests at the measured pose until the first chunk comes."""
        rest = Rest.at_action(observation.state, observation.stamp_ns)
        self._played, self._last = rest, rest.vector
        self._request, self._delay, self._counts, self._trouble = None, DelayEstimate(), Counts(), ""

    def resume(self, observation: Observation, seed: int) -> None:
        """Begin anew in the middle of an episode, where another source has brought the robot; the counts go on.

        Args:
            observation: of the robot now.
            seed: of the policy's noise from here on.
        """
        counts = self._counts.plus(failed=int(self._request is not None))
        self._policy.reset(seed)
        self.reset(observation)
        self._counts = counts

    def reference(self, observation: Observation) -> Reference:
        """The action that is due now; a policy never ends an episode.

        Raises:
            InputError: its chunks are shorter than what is to be played of them.
            StarvedError: references stood still for too long; nothing is sent any more.
        """
        now_ns = observation.stamp_ns
        self._take(now_ns)
        if self._request is None and self._scheduler.asks(self._played, now_ns, self._delay.steps):
            self._ask(observation)
            self._take(now_ns)
        if not self._played.left(now_ns):
            self._played = Rest.at_action(self._last, now_ns)
            self._counts = self._counts.plus(rests=1)
        if isinstance(self._played, Rest):
            self._must_not_rest_long(self._played, now_ns)
        self._last = self._played.at(now_ns)
        return Reference(now_ns, self._last)

    def _ask(self, observation: Observation) -> None:
        now_ns, delay = observation.stamp_ns, self._delay.steps
        self._policy.request(observation, self._scheduler.prefix(self._played, now_ns, delay))
        self._request = _Request(now_ns, delay)
        self._counts = self._counts.plus(asked=1)

    def _take(self, now_ns: int) -> None:
        """Join the answer of the request that is on its way, if it is there."""
        if self._request is None:
            return
        poll = self._policy.poll()
        if poll.status is Status.WAITING:
            return
        request, self._request = self._request, None
        if poll.status is Status.FAILED or poll.chunk is None:
            self._trouble = poll.error
            self._counts = self._counts.plus(failed=1)
            return
        steps = steps_between(request.stamp_ns, now_ns, self._rate_hz)
        late = bool(self._delay.latest) and steps > request.expected
        self._delay = self._delay.with_answer(steps)
        chunk = self._in_time(poll.chunk, now_ns)
        if poll.chunk.stamp_ns != request.stamp_ns or not actions_left(chunk, now_ns):
            self._trouble = f"its last chunk came {steps} steps after it was asked for, and was over"
            self._counts = self._counts.plus(refused=1)
            return
        self._played = self._scheduler.joined(self._played, chunk, now_ns)
        self._counts = self._counts.plus(joined=1, late=int(late))

    def _in_time(self, chunk: ActionChunk, now_ns: int) -> ActionChunk:
        """The chunk, later by the time that the reference has stood still since its observation."""
        if not isinstance(self._played, Rest):
            return chunk
        still_ns = now_ns - max(chunk.stamp_ns, self._played.since_ns)
        return replace(chunk, stamp_ns=chunk.stamp_ns + still_ns) if still_ns > 0 else chunk

    def _must_not_rest_long(self, rest: Rest, now_ns: int) -> None:
        self._counts = self._counts.plus(rest_steps=1)
        rested_s = (now_ns - rest.since_ns) * 1e-9
        if rested_s > self._config.max_rest_s:
            why = self._trouble or "it does not answer"
            raise StarvedError(f"the policy gave no chunk for {rested_s:.1f} s: {why.rstrip('.')}.")
