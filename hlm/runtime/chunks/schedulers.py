"""When a policy is asked, and what becomes of its answer: pure decisions about what is being played."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from hlm.core.clock import due_ns
from hlm.core.errors import InputError
from hlm.core.policy import ActionPrefix
from hlm.core.values import ActionChunk
from hlm.runtime.chunks.playback import Averaged, Faded, Playback, Rest, steps_between

type SchedulerName = Literal["synchronous", "asynchronous", "ensemble"]
SCHEDULERS: tuple[SchedulerName, ...] = ("synchronous", "asynchronous", "ensemble")


@dataclass(frozen=True, kw_only=True, slots=True)
class ChunkConfig:
    """How chunks follow each other.

    Attributes:
        execution_horizon: actions of a chunk that are executed before the next one is to take over.
        blend: actions over which the old chunk fades into the new one, so that references do not jump.
        guided: actions after the delay over which a policy that continues chunks leads away from the old one.
        decay: of the weights of an ensemble, per chunk; see `Averaged`.
        max_rest_s: the longest time for which references may stand still for want of a chunk.
    """

    execution_horizon: int = 25
    blend: int = 5
    guided: int = 10
    decay: float = 0.01
    max_rest_s: float = 2.0

    def __post_init__(self) -> None:
        """Check ranges."""
        if self.execution_horizon < 1:
            raise InputError(f"execution_horizon must be at least 1 action, got {self.execution_horizon}.")
        for name in ("blend", "guided", "decay", "max_rest_s"):
            if not getattr(self, name) >= 0:
                raise InputError(f"{name} must not be negative, got {getattr(self, name)}.")


class Scheduler(Protocol):
    """Decides when the policy is asked, and joins its answers to what is being played."""

    def asks(self, played: Playback, now_ns: int, delay: int) -> bool:
        """Whether to ask now; only asked while no request is on its way.

        Args:
            played: what is being played.
            now_ns: instant.
            delay: steps that an answer is expected to take.
        """
        ...

    def prefix(self, played: Playback, now_ns: int, delay: int) -> ActionPrefix | None:
        """What the policy is told of what will be played; None where it cannot or need not continue it."""
        ...

    def joined(self, played: Playback, chunk: ActionChunk, now_ns: int) -> Playback:
        """What is played from now on.

        Raises:
            InputError: the chunk is shorter than what is to be played of it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Synchronous:
    """The next chunk is asked for when the last one is used up; until it comes, the reference stands still.

    This is what OpenHLM's client does, except that chunks fade into each other.

    Attributes:
        config: how chunks follow each other.
    """

    config: ChunkConfig

    def asks(self, played: Playback, now_ns: int, delay: int) -> bool:
        """When the chunk is used up."""
        del delay
        return isinstance(played, Rest) or not played.left(now_ns)

    def prefix(self, played: Playback, now_ns: int, delay: int) -> ActionPrefix | None:
        """None: nothing moves until the chunk comes."""
        del played, now_ns, delay
        return None

    def joined(self, played: Playback, chunk: ActionChunk, now_ns: int) -> Playback:
        """The execution horizon of the new chunk, faded in."""
        must_cover(chunk, self.config.execution_horizon)
        return faded(played, chunk, now_ns, self.config.execution_horizon, self.config.blend)


@dataclass(frozen=True, slots=True)
class Asynchronous:
    """The next chunk is asked for early enough to be there when the last one has played its execution horizon.

    Real-time chunking (Black, Galliker, Levine 2025, arXiv 2506.07339). The new chunk joins by due time: actions that
    were due before it came are skipped. If it comes late, the old chunk goes on to its end.

    Attributes:
        config: how chunks follow each other.
        continues: whether the policy is told what will be played until it answers, so that it continues it.
    """

    config: ChunkConfig
    continues: bool = False

    def asks(self, played: Playback, now_ns: int, delay: int) -> bool:
        """So early that the answer is expected when the execution horizon ends."""
        if not isinstance(played, Faded):
            return True
        done = steps_between(played.chunk.stamp_ns, now_ns, played.chunk.rate_hz)
        return done + delay >= self.config.execution_horizon

    def prefix(self, played: Playback, now_ns: int, delay: int) -> ActionPrefix | None:
        """What will be played from now on, to the end of the chunk."""
        if not self.continues or not isinstance(played, Faded) or not (left := played.left(now_ns)):
            return None
        rate_hz = played.chunk.rate_hz
        actions = np.array([played.at(now_ns + due_ns(0, step, rate_hz)) for step in range(left)])
        sure = min(delay, left)
        return ActionPrefix(actions, sure, sure + self.config.guided)

    def joined(self, played: Playback, chunk: ActionChunk, now_ns: int) -> Playback:
        """The whole new chunk, faded in."""
        must_cover(chunk, self.config.execution_horizon)
        return faded(played, chunk, now_ns, len(chunk.actions), self.config.blend)


@dataclass(frozen=True, slots=True)
class Ensemble:
    """The policy is always being asked; the reference is the mean of all chunks (temporal ensembling, a baseline).

    Attributes:
        config: of which only the decay counts.
    """

    config: ChunkConfig

    def asks(self, played: Playback, now_ns: int, delay: int) -> bool:
        """Always."""
        del played, now_ns, delay
        return True

    def prefix(self, played: Playback, now_ns: int, delay: int) -> ActionPrefix | None:
        """None: chunks are to be independent."""
        del played, now_ns, delay
        return None

    def joined(self, played: Playback, chunk: ActionChunk, now_ns: int) -> Playback:
        """The mean with the new chunk."""
        return played.then(chunk, now_ns) if isinstance(played, Averaged) else Averaged((chunk,), self.config.decay)


def faded(played: Playback, chunk: ActionChunk, now_ns: int, usable: int, blend: int) -> Faded:
    """A chunk that takes over now from whatever is played; from a rest that has only just begun, at once."""
    if isinstance(played, Faded):
        return played.then(chunk, now_ns, usable, blend)
    before = played if isinstance(played, Rest) and played.since_ns < now_ns else None
    return Faded(chunk, now_ns, usable, blend, before)


def must_cover(chunk: ActionChunk, actions: int) -> None:
    """Raise InputError if a chunk has fewer actions."""
    if len(chunk.actions) < actions:
        raise InputError(f"cannot execute {actions} actions of a chunk: the policy's chunks have {len(chunk.actions)}.")


def make_scheduler(name: SchedulerName, config: ChunkConfig, *, continues: bool) -> Scheduler:
    """The scheduler of a name.

    Args:
        name: one of `SCHEDULERS`.
        config: how chunks follow each other.
        continues: whether the policy continues chunks, for the asynchronous one.
    """
    match name:
        case "synchronous":
            return Synchronous(config)
        case "asynchronous":
            return Asynchronous(config, continues)
        case "ensemble":
            return Ensemble(config)
