"""What a person sees of a recording session, and what they may ask of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from hlm.teleop.devices.device import Button
from hlm.teleop.session.session import SessionState, Verdict

if TYPE_CHECKING:
    from hlm.core.body import BodyStatus
    from hlm.runtime.loop import LoopStep
    from hlm.teleop.session.session import Session
    from hlm.teleop.session.takes import Kept

_SAID = {
    SessionState.FOLLOWING: "following",
    SessionState.ALIGNING: "stand as the robot does",
    SessionState.COUNTDOWN: "get ready",
    SessionState.RECORDING: "recording",
    SessionState.PAUSED: "paused",
    SessionState.REVIEW: "success, failure, or discard?",
    SessionState.STOPPED: "stopped",
}


class Choose(NamedTuple):
    """The person wants another instruction.

    Attributes:
        instruction: in words.
    """

    instruction: str


class Delete(NamedTuple):
    """The person wants an episode gone.

    Attributes:
        name: of its folder.
    """

    name: str


class Relabel(NamedTuple):
    """The person wants an episode to be called something else.

    Attributes:
        name: of its folder.
        instruction: new one; None keeps it.
        outcome: new one; None keeps it.
        note: of the operator; None keeps it.
    """

    name: str
    instruction: str | None
    outcome: str | None
    note: str | None = None


class Leave(NamedTuple):
    """The robot is to come to rest, and the session to end; asked again, the robot brakes at once.

    Attributes:
        why: in words.
    """

    why: str


class GiveUp(NamedTuple):
    """What the session is for cannot be done: the robot is to come to rest, and the session to end in trouble.

    Attributes:
        why: in one line.
    """

    why: str


class Redo(NamedTuple):
    """The person wants the last episode gone, and to do it again."""


type Wish = Button | Verdict | Choose | Delete | GiveUp | Leave | Relabel | Redo


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """How things stand after a step, or while nothing steps.

    Attributes:
        session: of the person.
        countdown_s: time until the first recorded step; 0 unless counting down.
        step: the newest; None before the first of a scene.
        status: of the body.
        fault: why the robot does not follow; empty while it does.
        message: for the person.
        instruction: of the next or the open episode.
        proposals: instructions to choose from.
        recorded: steps of the open episode; None when none is open.
        kept: episodes of the dataset.
    """

    session: Session
    countdown_s: float
    step: LoopStep | None
    status: BodyStatus
    fault: str
    message: str
    instruction: str
    proposals: tuple[str, ...]
    recorded: int | None
    kept: tuple[Kept, ...]

    @property
    def spoken(self) -> str:
        """What a person hears when it changes; empty for nothing."""
        return _SAID.get(self.session.state, self.session.message)


class Front(Protocol):
    """What a person sees and presses."""

    def show(self, moment: Moment) -> None:
        """Show how things stand; never waits."""
        ...

    def wishes(self) -> Iterable[Wish]:
        """What the person has asked for since the last call."""
        ...
