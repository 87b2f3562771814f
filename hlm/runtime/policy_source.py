"""A policy in the operator's place: its action chunks played by due time."""

from __future__ import annotations

from dataclasses import dataclass

from hlm.core.errors import InputError
from hlm.core.policy import Policy
from hlm.core.values import ActionChunk, Observation, Reference


@dataclass(frozen=True, kw_only=True, slots=True)
class ChunkConfig:
    """How chunks follow each other.

    Attributes:
        execution_horizon: actions of a chunk that are executed before the next one is requested.
        blend: actions over which the old chunk fades into the new one, so that references do not jump.
    """

    execution_horizon: int = 25
    blend: int = 5

    def __post_init__(self) -> None:
        """Check ranges."""
        if self.execution_horizon < 1:
            raise InputError(f"execution_horizon must be at least 1 action, got {self.execution_horizon}.")
        if self.blend < 0:
            raise InputError(f"blend must not be negative, got {self.blend}.")


class PolicySource:
    """A policy as a reference source; implements `hlm.core.protocols.ReferenceSource`.

    Args:
        policy: asked for a chunk whenever the last one is used up.
        config: how chunks follow each other.
    """

    def __init__(self, policy: Policy, config: ChunkConfig | None = None) -> None:
        self._policy = policy
        self._config = ChunkConfig() if config is None else config
        self._chunk: ActionChunk | None = None
        self._before: ActionChunk | None = None

    def reset(self, observation: Observation) -> None:
        """Forget the last episode's chunks."""
        del observation
        self._chunk = self._before = None

    def reference(self, observation: Observation) -> Reference:
        """The action that is due now; a policy never ends an episode.

        Raises:
            InputError: its chunks are shorter than what is to be played of them.
        """
        now_ns = observation.stamp_ns
        if self._chunk is None or self._played(self._chunk, now_ns) >= self._config.execution_horizon:
            self._before, self._chunk = self._chunk, self._asked(observation)
        action = self._chunk.at(now_ns)
        share = (self._played(self._chunk, now_ns) + 1.0) / (self._config.blend + 1.0)
        if self._before is not None and share < 1.0:
            action = share * action + (1.0 - share) * self._before.at(now_ns)
        return Reference(now_ns, action)

    def _asked(self, observation: Observation) -> ActionChunk:
        chunk = self._policy.chunk(observation)
        if len(chunk.actions) < self._config.execution_horizon:
            raise InputError(
                f"cannot execute {self._config.execution_horizon} actions of a chunk: the policy's chunks have "
                f"{len(chunk.actions)}."
            )
        return chunk

    @staticmethod
    def _played(chunk: ActionChunk, now_ns: int) -> int:
        return round((now_ns - chunk.stamp_ns) * 1e-9 * chunk.rate_hz)
