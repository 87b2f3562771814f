"""A policy that answers at once in the operator's place: its action chunks played by due time."""

from __future__ import annotations

from hlm.core.policy import ActionPrefix, Policy
from hlm.core.values import Observation
from hlm.runtime.chunks.asking import Poll
from hlm.runtime.chunks.schedulers import ChunkConfig, Synchronous
from hlm.runtime.chunks.source import ChunkSource


class PolicySource(ChunkSource):
    """A policy that the session waits for; implements `hlm.core.protocols.ReferenceSource`.

    Args:
        policy: asked for a chunk whenever the last one is used up.
        config: how chunks follow each other.
    """

    def __init__(self, policy: Policy, config: ChunkConfig | None = None) -> None:
        config = ChunkConfig() if config is None else config
        super().__init__(_AtOnce(policy), Synchronous(config), config)


class _AtOnce:
    """Answers inside the request; implements `hlm.runtime.chunks.asking.AskedPolicy`."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._newest = Poll()

    def request(self, observation: Observation, prefix: ActionPrefix | None = None) -> None:
        """Ask, and wait for the answer."""
        self._newest = Poll(chunk=self._policy.chunk(observation, prefix))

    def poll(self) -> Poll:
        """The newest chunk."""
        return self._newest

    def reset(self, seed: int) -> None:
        """Forget the chunk, and restart the noise."""
        self._policy.reset(seed)
        self._newest = Poll()

    def close(self) -> None:
        """Nothing is open."""
