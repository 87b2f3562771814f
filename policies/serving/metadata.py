"""The spec of a served policy as a message, and what a robot needs of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from hlm.core.documents import from_document, to_document
from hlm.core.errors import HlmError, MismatchError
from hlm.core.policy import PolicySpec
from hlm.policies.serving.errors import AnswerError

# Entries of every server of hlm, by today's and by the former name. One that has none of them is openpi's or OpenHLM's.
_MARKS = {"policy_type", "policy", "embodiment"}
# Whether a request may have `chunks`, which former servers refuse.
_COUNTS_CHUNKS = "counts_chunks"
# The previous version's names. They are sent beside today's, for its clients, and read from its servers.
_FORMER = {"policy": "policy_type", "checkpoint": "origin", "execute": "execution_horizon", "words": "vocabulary"}


def spec_message(spec: PolicySpec) -> dict[str, Any]:
    """The spec as a map that `hlm.policies.serving.wire` can pack; inverse of `spec_of`."""
    message: dict[str, Any] = to_document(spec)
    return message | {former: message[name] for former, name in _FORMER.items()} | {_COUNTS_CHUNKS: True}


class Dialect(StrEnum):
    """What a server understands."""

    HLM = "hlm"
    """Requests of this version."""
    FORMER = "former"
    """Requests of the version before: a seed for each chunk."""
    OPENPI = "openpi"
    """Requests of openpi's and OpenHLM's clients."""


def dialect_of(message: Any) -> Dialect:
    """What the server that sends this greeting understands."""
    if isinstance(message, dict) and not message.keys() & _MARKS:
        return Dialect.OPENPI
    return Dialect.HLM if isinstance(message, dict) and message.get(_COUNTS_CHUNKS) is True else Dialect.FORMER


def spec_of(message: Any) -> PolicySpec:
    """The spec in a server's greeting; entries that a newer server adds are ignored.

    Raises:
        AnswerError: the greeting does not come from a policy server of hlm.
    """
    if not isinstance(message, dict):
        raise AnswerError("it sends no spec; is it a policy server?")
    named = {name: message[former] for former, name in _FORMER.items() if former in message} | message
    known = {item.name for item in fields(PolicySpec)}
    try:
        return from_document(PolicySpec, {key: named[key] for key in named if key in known}, "metadata")
    except HlmError as error:
        raise AnswerError(f"it is not a policy server of hlm: {error}") from None


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs:
    """What a robot needs of the policy that drives it.

    Attributes:
        embodiment: name of the robot; not checked if None.
        cameras: cameras of the robot; not checked if None.
        horizon: smallest number of actions in a chunk.
    """

    embodiment: str | None = None
    cameras: tuple[str, ...] | None = None
    horizon: int = 1

    def check(self, spec: PolicySpec) -> None:
        """Check that a policy can drive the robot.

        Raises:
            MismatchError: it cannot.
        """
        if self.embodiment not in (None, spec.embodiment):
            raise MismatchError(
                f"the policy server drives robot '{spec.embodiment}', and this one is '{self.embodiment}'."
            )
        needed = [name for name in spec.cameras if name not in spec.optional_cameras]
        if self.cameras is not None and (missing := [name for name in needed if name not in self.cameras]):
            raise MismatchError(
                f"the served policy needs cameras {', '.join(needed)}; there are {', '.join(self.cameras) or 'none'} "
                f"(no {', '.join(missing)})."
            )
        if spec.horizon < self.horizon:
            raise MismatchError(f"the served policy makes chunks of {spec.horizon} actions; {self.horizon} are needed.")
