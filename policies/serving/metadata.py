"""What a server says about its policy to whoever connects."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

from hlm.core.documents import from_document, to_document
from hlm.core.errors import HlmError, InputError, MismatchError, UnknownNameError
from hlm.core.policy import ActionPrefix
from hlm.core.values import ActionChunk, Observation
from hlm.policies.serving.errors import AnswerError

# A chunk of 4096 actions takes 0.6 MB; pictures of 8192 pixels are larger than those of any camera that a robot has.
MAX_HORIZON = 4096
MAX_SIDE_PX = 8192


class ServedPolicy(Protocol):
    """A policy that can be served: `hlm.core.policy.Policy` that says what it needs.

    A policy whose attribute `continues_chunks` is true also takes `chunk(observation, prefix=ActionPrefix(...))`; one
    with `optional_cameras` can do without these; one with `reset(seed)` can start its noise anew.
    """

    cameras: tuple[str, ...]
    image_size: tuple[int, int]
    rate_hz: float
    horizon: int
    execute: int
    embodiment: str

    @property
    def info(self) -> Mapping[str, object]:
        """What there is to tell about it, by name; it may change with the chunks that are made."""
        ...

    def chunk(self, observation: Observation) -> ActionChunk:
        """Actions from `observation.stamp_ns` on."""
        ...


class ContinuingPolicy(Protocol):
    """A policy that can continue a chunk that is being played (real-time chunking)."""

    def chunk(self, observation: Observation, prefix: ActionPrefix | None = None) -> ActionChunk:
        """Actions from `observation.stamp_ns` on, which begin as the prefix says."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Metadata:
    """What a server says about its policy.

    Attributes:
        policy: kind of the policy.
        checkpoint: where it came from, for people.
        embodiment: robot that it was trained for.
        rate_hz: actions per second.
        cameras: that it sees.
        optional_cameras: those of them that it can do without.
        image_size: height and width of the pictures that it was trained on, px.
        horizon: actions of a chunk.
        execute: actions of a chunk that are best played before the next one.
        continues_chunks: whether requests may have a prefix (real-time chunking).
        words: that it knows; empty when it takes any text.
    """

    policy: str
    checkpoint: str
    embodiment: str
    rate_hz: float
    cameras: tuple[str, ...]
    optional_cameras: tuple[str, ...] = ()
    image_size: tuple[int, int]
    horizon: int
    execute: int
    continues_chunks: bool = False
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InputError: a number that no policy has.
            UnknownNameError: an optional camera that is none of the cameras.
        """
        if not (math.isfinite(self.rate_hz) and self.rate_hz > 0.0):
            raise InputError(f"a policy cannot make {self.rate_hz} actions per second.")
        if not 1 <= self.horizon <= MAX_HORIZON:
            raise InputError(f"a chunk has 1 to {MAX_HORIZON} actions, not {self.horizon}.")
        if not 1 <= self.execute <= self.horizon:
            raise InputError(f"{self.execute} actions of a chunk of {self.horizon} cannot be played.")
        if not all(1 <= side <= MAX_SIDE_PX for side in self.image_size):
            raise InputError(f"pictures have sides of 1 to {MAX_SIDE_PX} px, not {self.image_size}.")
        for name in self.optional_cameras:
            if name not in self.cameras:
                raise UnknownNameError("camera", name[:80], self.cameras)

    def to_message(self) -> dict[str, Any]:
        """A map that `hlm.policies.serving.wire` can pack."""
        message: dict[str, Any] = to_document(self)
        return message

    @classmethod
    def from_message(cls, message: Any) -> Metadata:
        """What a server said; entries that a newer server adds are ignored.

        Raises:
            AnswerError: it is no policy server of hlm.
        """
        if not isinstance(message, dict):
            raise AnswerError("it says nothing about its policy; is it a policy server?")
        known = {item.name for item in fields(cls)}
        try:
            return from_document(cls, {key: value for key, value in message.items() if key in known}, "metadata")
        except HlmError as error:
            raise AnswerError(f"it is no policy server of hlm: {error}") from None


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """What a robot needs of the policy that drives it.

    Attributes:
        embodiment: the robot; unchecked by default.
        cameras: that the robot has; unchecked by default.
        horizon: least number of actions in a chunk.
    """

    embodiment: str | None = None
    cameras: tuple[str, ...] | None = None
    horizon: int = 1

    def check(self, metadata: Metadata) -> None:
        """Compare with what a server says.

        Raises:
            MismatchError: the policy does not belong to this robot.
        """
        if self.embodiment not in (None, metadata.embodiment):
            raise MismatchError(
                f"the policy server drives robot '{metadata.embodiment}', and this one is '{self.embodiment}'."
            )
        needed = [name for name in metadata.cameras if name not in metadata.optional_cameras]
        if self.cameras is not None and (missing := [name for name in needed if name not in self.cameras]):
            raise MismatchError(
                f"the served policy needs cameras {', '.join(needed)}; there are {', '.join(self.cameras) or 'none'} "
                f"(no {', '.join(missing)})."
            )
        if metadata.horizon < self.horizon:
            raise MismatchError(
                f"the served policy makes chunks of {metadata.horizon} actions; {self.horizon} are needed."
            )


def describe(policy: ServedPolicy) -> Metadata:
    """What there is to say about a policy."""
    info = policy.info
    words = info.get("words")
    return Metadata(
        policy=str(info.get("policy", type(policy).__name__)),
        checkpoint=str(info.get("path") or ""),
        embodiment=policy.embodiment,
        rate_hz=float(policy.rate_hz),
        cameras=tuple(policy.cameras),
        optional_cameras=tuple(getattr(policy, "optional_cameras", ())),
        image_size=(int(policy.image_size[0]), int(policy.image_size[1])),
        horizon=policy.horizon,
        execute=policy.execute,
        continues_chunks=bool(getattr(policy, "continues_chunks", False)),
        words=tuple(map(str, words)) if isinstance(words, list | tuple) else (),
    )
