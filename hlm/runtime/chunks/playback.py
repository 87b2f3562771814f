"""What is played when: chunks by the due times of their actions, faded into each other, averaged, or at rest."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.layout import ROOT_YAW_RATE
from hlm.core.values import ActionChunk


class Playback(Protocol):
    """A reference for each instant."""

    def at(self, now_ns: int) -> FloatArray:
        """[34] reference that is due at an instant."""
        ...

    def left(self, now_ns: int) -> int:
        """Actions that are still to be played at an instant, the one that is due then included; 0 when it is over."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Rest:
    """A reference that stands still.

    Attributes:
        vector: [34] what is repeated.
        since_ns: when it came to rest.
    """

    vector: FloatArray
    since_ns: int

    @classmethod
    def at_action(cls, action: FloatArray, now_ns: int) -> Rest:
        """Standing still at a [34] action: as it is, without its yaw rate, which would turn the robot for ever."""
        vector = np.array(action)
        vector[ROOT_YAW_RATE] = 0.0
        return cls(vector, now_ns)

    def at(self, now_ns: int) -> FloatArray:
        """[34] the same at all times."""
        del now_ns
        return self.vector

    def left(self, now_ns: int) -> int:
        """Always one more."""
        del now_ns
        return 1


@dataclass(frozen=True, slots=True, eq=False)
class Faded:
    """A chunk that takes over from what was played before it, in equal steps.

    Attributes:
        chunk: what is played.
        joined_ns: from when on.
        usable: actions of the chunk that are played.
        blend: steps over which it takes over: the k-th step from `joined_ns` on counts it k / (blend + 1), k = 1, 2...
        before: what was played until then; None for nothing.
    """

    chunk: ActionChunk
    joined_ns: int
    usable: int
    blend: int
    before: Faded | Rest | None = None

    def at(self, now_ns: int) -> FloatArray:
        """[34] reference that is due at `now_ns`; actions are found by their due times."""
        action = self.chunk.at(now_ns)
        share = self._share(now_ns)
        if self.before is not None and share < 1.0:
            action = share * action + (1.0 - share) * self.before.at(now_ns)
        return action

    def left(self, now_ns: int) -> int:
        """Usable actions that are not over yet."""
        return max(0, self.usable - steps_between(self.chunk.stamp_ns, now_ns, self.chunk.rate_hz))

    def then(self, chunk: ActionChunk, now_ns: int, usable: int, blend: int) -> Faded:
        """The playback after another chunk has joined at `now_ns`."""
        # What has taken over completely needs nothing before it; so the chain stays as short as the fading.
        before = replace(self, before=None) if self._share(now_ns) >= 1.0 else self
        return Faded(chunk, now_ns, usable, blend, before)

    def _share(self, now_ns: int) -> float:
        return (steps_between(self.joined_ns, now_ns, self.chunk.rate_hz) + 1.0) / (self.blend + 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Averaged:
    """The weighted mean of all chunks that have an action for now (temporal ensembling, Zhao et al. 2023, ACT).

    Attributes:
        chunks: oldest first, at least one.
        decay: the i-th oldest counts exp(-decay i), i = 0, 1, ...
    """

    chunks: tuple[ActionChunk, ...]
    decay: float

    def at(self, now_ns: int) -> FloatArray:
        """[34] mean of the actions that are due at `now_ns`; the newest chunk's last action when there is none."""
        due = [chunk for chunk in self.chunks if actions_left(chunk, now_ns)] or [self.chunks[-1]]
        weights = [math.exp(-self.decay * age) for age in range(len(due))]
        total = sum(weight * chunk.at(now_ns) for weight, chunk in zip(weights, due, strict=True))
        return np.asarray(total / sum(weights))

    def left(self, now_ns: int) -> int:
        """Actions of the chunk that lasts longest."""
        return max(actions_left(chunk, now_ns) for chunk in self.chunks)

    def then(self, chunk: ActionChunk, now_ns: int) -> Averaged:
        """The playback with another chunk, and without those that are over."""
        return Averaged((*(one for one in self.chunks if actions_left(one, now_ns)), chunk), self.decay)


def actions_left(chunk: ActionChunk, now_ns: int) -> int:
    """Actions of a chunk that are not over at an instant."""
    return max(0, len(chunk.actions) - steps_between(chunk.stamp_ns, now_ns, chunk.rate_hz))


def steps_between(start_ns: int, now_ns: int, rate_hz: float) -> int:
    """The nearest number of steps from one instant to another."""
    return round((now_ns - start_ns) * 1e-9 * rate_hz)
