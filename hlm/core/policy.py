"""The seam to policies: an observation in, a chunk of absolute references out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from hlm.core.arrays import FloatArray, frozen
from hlm.core.errors import InputError
from hlm.core.layout import DIMENSIONS
from hlm.core.values import ActionChunk, Observation


@dataclass(frozen=True, slots=True, eq=False)
class ActionPrefix:
    """Actions of the old chunk from now on, which the new chunk has to continue (real-time chunking).

    Attributes:
        actions: [time, 34] absolute, >= 1.
        delay: actions of these that will have been played when the new chunk arrives, >= 0.
        execute: actions after which the new chunk need not resemble the old one any more, >= delay.
    """

    actions: FloatArray
    delay: int
    execute: int

    def __post_init__(self) -> None:
        """Check the numbers and make the array a read-only copy.

        Raises:
            InputError: no actions, or numbers that do not fit each other.
        """
        object.__setattr__(self, "actions", frozen(self.actions, (None, DIMENSIONS), "prefix"))
        if not len(self.actions) or not 0 <= self.delay <= self.execute or self.delay > len(self.actions):
            raise InputError(
                f"a prefix of {len(self.actions)} actions cannot have delay {self.delay} and execute {self.execute}: "
                "0 <= delay <= execute, and at least as many actions as the delay."
            )


class Policy(Protocol):
    """A trained policy, loaded here or served by another machine."""

    def reset(self, seed: int) -> None:
        """Restart the noise that chunks are sampled from; the same seed gives the same chunks."""
        ...

    def chunk(self, observation: Observation, prefix: ActionPrefix | None = None) -> ActionChunk:
        """Actions from `observation.stamp_ns` on.

        Args:
            observation: what is seen now.
            prefix: what is left of the chunk that is being executed, for policies that continue chunks.

        Raises:
            MismatchError: a prefix is given and the policy cannot continue one.
        """
        ...
