"""A policy that gives the robot away in the middle of an episode, and gets it back."""

from __future__ import annotations

from hlm.core.values import Observation, Reference
from hlm.runtime.chunks.source import ChunkSource


class ReturningPolicy:
    """Plans anew from what is seen whenever it gets the robot; implements `hlm.core.protocols.ReferenceSource`.

    The first `reset` begins the episode; each later one is a return, after which nothing of before is played: chunks,
    requests on their way and whatever the policy remembers belong to where the robot was then.

    Args:
        chunks: of a policy whose noise was begun with `seed`.
        seed: of the episode.
    """

    def __init__(self, chunks: ChunkSource, seed: int) -> None:
        self._chunks = chunks
        self._seed = seed
        self._begun = False

    def reset(self, observation: Observation) -> None:
        """Begin, or begin anew."""
        if self._begun:
            self._chunks.resume(observation, self._seed)
        else:
            self._chunks.reset(observation)
        self._begun = True

    def reference(self, observation: Observation) -> Reference:
        """The action that is due now; see `ChunkSource.reference`."""
        return self._chunks.reference(observation)
