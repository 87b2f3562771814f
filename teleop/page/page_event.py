"""What a person asks through the page, apart from where the body should be."""

from __future__ import annotations

from dataclasses import dataclass

from hlm.teleop.devices.device import Button


@dataclass(frozen=True, slots=True)
class ButtonPressed:
    """A button of the session, or its key.

    Attributes:
        button: which.
        stamp_ns: when, on the session's clock.
    """

    button: Button
    stamp_ns: int


@dataclass(frozen=True, slots=True)
class InstructionChosen:
    """The instruction of the next episode.

    Attributes:
        instruction: in words, not empty.
    """

    instruction: str


@dataclass(frozen=True, slots=True)
class EpisodeDeleted:
    """A saved episode is to be deleted; the person has confirmed it.

    Attributes:
        name: of its `EpisodeCard`.
    """

    name: str


@dataclass(frozen=True, slots=True)
class EpisodeRelabelled:
    """A saved episode gets other labels; what is None stays.

    Attributes:
        name: of its `EpisodeCard`.
        instruction: in words, not empty.
        outcome: `success`, `failure` or `unlabelled`.
        note: of the operator.
    """

    name: str
    instruction: str | None = None
    outcome: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class RedoLast:
    """The newest saved episode is to be deleted and recorded again, with the same instruction."""


type PageEvent = ButtonPressed | InstructionChosen | EpisodeDeleted | EpisodeRelabelled | RedoLast
