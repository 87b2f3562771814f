"""The seam to policies: an observation in, a chunk of absolute references out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from hlm.core.arrays import FloatArray, frozen
from hlm.core.errors import InputError, UnknownNameError
from hlm.core.layout import DIMENSIONS
from hlm.core.values import ActionChunk, Observation

# A chunk of 4096 actions takes 0.6 MB; no robot's camera has images of more than 8192 pixels a side.
MAX_HORIZON = 4096
MAX_SIDE_PX = 8192
# Type of a policy whose server does not say what it serves.
UNKNOWN_POLICY = "unknown"


@dataclass(frozen=True, slots=True, eq=False)
class ActionPrefix:
    """Actions of the old chunk from now on, which a new chunk has to continue (real-time chunking).

    Attributes:
        actions: [time >= 1, 34] absolute actions.
        delay: actions of these that will have been executed when the new chunk arrives, >= 0.
        execution_horizon: actions after which the new chunk is independent of the old one, >= delay.
    """

    actions: FloatArray
    delay: int
    execution_horizon: int

    def __post_init__(self) -> None:
        """Check the numbers and make the array a read-only copy.

        Raises:
            InputError: no actions, or numbers that do not fit each other.
        """
        object.__setattr__(self, "actions", frozen(self.actions, (None, DIMENSIONS), "prefix"))
        if not len(self.actions) or not 0 <= self.delay <= self.execution_horizon or self.delay > len(self.actions):
            raise InputError(
                f"a prefix of {len(self.actions)} actions cannot have delay {self.delay} and execution_horizon "
                f"{self.execution_horizon}: 0 <= delay <= execution_horizon, and at least as many actions as the delay."
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicySpec:
    """What callers need to know of a policy before they ask it for chunks.

    Attributes:
        policy_type: name of the policy type; `UNKNOWN_POLICY` if nobody says.
        embodiment: robot that the policy was trained for.
        rate_hz: actions per second.
        cameras: cameras that the policy sees.
        image_size: height and width of the images that it was trained with, px; others are fitted into them.
        horizon: actions of a chunk.
        execution_horizon: actions of a chunk that are best executed before the next one.
        optional_cameras: those of `cameras` that an observation may lack.
        continues_chunks: whether the policy takes an `ActionPrefix`.
        vocabulary: words that it knows; empty when it takes any text.
        origin: where it comes from, such as the path of a checkpoint, for people.
        digest: of everything that decides its actions: weights, statistics and sampling; empty where nobody computed
            it. Two policies with different digests are different.
    """

    policy_type: str
    embodiment: str
    rate_hz: float
    cameras: tuple[str, ...]
    image_size: tuple[int, int]
    horizon: int
    execution_horizon: int
    optional_cameras: tuple[str, ...] = ()
    continues_chunks: bool = False
    vocabulary: tuple[str, ...] = ()
    origin: str = ""
    digest: str = ""

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InputError: a number that no policy has.
            UnknownNameError: an optional camera that is not one of the cameras.
        """
        if not (math.isfinite(self.rate_hz) and self.rate_hz > 0.0):
            raise InputError(f"a policy cannot make {self.rate_hz} actions per second.")
        if not 1 <= self.horizon <= MAX_HORIZON:
            raise InputError(f"a chunk has 1 to {MAX_HORIZON} actions, not {self.horizon}.")
        if not 1 <= self.execution_horizon <= self.horizon:
            raise InputError(f"{self.execution_horizon} actions of a chunk of {self.horizon} cannot be executed.")
        if not all(1 <= side <= MAX_SIDE_PX for side in self.image_size):
            raise InputError(f"images have sides of 1 to {MAX_SIDE_PX} px, not {self.image_size}.")
        for name in self.optional_cameras:
            if name not in self.cameras:
                raise UnknownNameError("camera", name[:80], self.cameras)


class Policy(Protocol):
    """A trained policy, loaded here or served by another machine."""

    @property
    def spec(self) -> PolicySpec:
        """What it needs and gives."""
        ...

    def reset(self, seed: int, chunks: int = 0) -> None:
        """Restart the noise that chunks are sampled from; the same seed gives the same chunks.

        Args:
            seed: of the noise.
            chunks: the next chunk is sampled as if that many had been asked for since.
        """
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
