"""The states of a recording session, and what leads from one to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from hlm.core.clock import NS_PER_S
from hlm.core.errors import InputError
from hlm.teleop.devices.device import Button


class SessionState(StrEnum):
    """What a session is doing."""

    IDLE = "idle"
    """The robot stands, and follows nobody."""
    FOLLOWING = "following"
    """The robot follows the person; nothing is recorded."""
    ALIGNING = "aligning"
    """Recording is wanted, and waits until the robot stands as the person does."""
    COUNTDOWN = "countdown"
    """Recording is about to begin; the robot follows."""
    RECORDING = "recording"
    """The robot follows, and each step is recorded."""
    PAUSED = "paused"
    """An episode is open; the robot holds, and nothing is recorded."""
    REVIEW = "review"
    """An episode has ended, and waits for what it was; the robot holds."""
    STOPPED = "stopped"
    """The robot was stopped: only a new session goes on."""


class Verdict(StrEnum):
    """What becomes of an episode."""

    SUCCESS = "success"
    FAILURE = "failure"
    UNLABELLED = "unlabelled"
    DISCARDED = "discarded"


@dataclass(frozen=True, kw_only=True, slots=True)
class SessionConfig:
    """Timing of a session.

    Attributes:
        countdown_s: from the wish to record, once robot and person agree, to the first recorded step.
        align_s: longest time for them to agree.
    """

    countdown_s: float = 3.0
    align_s: float = 20.0

    def __post_init__(self) -> None:
        """Check ranges."""
        if not (self.countdown_s >= 0.0 and self.align_s > 0.0):
            raise InputError(
                f"countdown_s {self.countdown_s} must not be negative, and align_s {self.align_s} must be positive."
            )


@dataclass(frozen=True, slots=True)
class Session:
    """A session at an instant; a value: what happens to it gives another one.

    Attributes:
        state: what it is doing.
        since_ns: when that began.
        verdict: of the episode that has just ended; None unless this very instant has decided it.
        message: one line for the person; empty when there is nothing to say.
    """

    state: SessionState = SessionState.IDLE
    since_ns: int = 0
    verdict: Verdict | None = None
    message: str = ""

    @property
    def follows(self) -> bool:
        """Whether the robot follows the person."""
        return self.state in _FOLLOWING

    @property
    def open(self) -> bool:
        """Whether an episode has begun, and is neither kept nor discarded."""
        return self.state in (SessionState.RECORDING, SessionState.PAUSED, SessionState.REVIEW)

    def countdown_left_s(self, now_ns: int, config: SessionConfig) -> float:
        """Time until the first recorded step; 0 unless counting down."""
        if self.state is not SessionState.COUNTDOWN:
            return 0.0
        return max(0.0, config.countdown_s - (now_ns - self.since_ns) / NS_PER_S)


_FOLLOWING = {
    SessionState.FOLLOWING,
    SessionState.ALIGNING,
    SessionState.COUNTDOWN,
    SessionState.RECORDING,
}
_STATE_AFTER: dict[tuple[SessionState, Button], SessionState] = {
    (SessionState.IDLE, Button.ENGAGE): SessionState.FOLLOWING,
    (SessionState.IDLE, Button.RECORD): SessionState.ALIGNING,
    (SessionState.FOLLOWING, Button.ENGAGE): SessionState.IDLE,
    (SessionState.FOLLOWING, Button.RECORD): SessionState.ALIGNING,
    (SessionState.ALIGNING, Button.ENGAGE): SessionState.IDLE,
    (SessionState.ALIGNING, Button.RECORD): SessionState.FOLLOWING,
    (SessionState.COUNTDOWN, Button.ENGAGE): SessionState.IDLE,
    (SessionState.COUNTDOWN, Button.RECORD): SessionState.FOLLOWING,
    (SessionState.RECORDING, Button.ENGAGE): SessionState.PAUSED,
    (SessionState.RECORDING, Button.RECORD): SessionState.REVIEW,
    (SessionState.PAUSED, Button.ENGAGE): SessionState.RECORDING,
    (SessionState.PAUSED, Button.RECORD): SessionState.REVIEW,
}
_VERDICT = {
    Button.SUCCESS: Verdict.SUCCESS,
    Button.FAILURE: Verdict.FAILURE,
    Button.DISCARD: Verdict.DISCARDED,
}
_SAVED = {
    Verdict.SUCCESS: "saved as a success",
    Verdict.FAILURE: "saved as a failure",
    Verdict.UNLABELLED: "saved without a label",
    Verdict.DISCARDED: "discarded",
}


def pressed(session: Session, button: Button, now_ns: int) -> Session:
    """The session after a button; one that means nothing now changes nothing.

    Args:
        session: before.
        button: that was pressed.
        now_ns: when.
    """
    if session.state is SessionState.STOPPED:
        return session
    if button is Button.STOP:
        return Session(SessionState.STOPPED, now_ns, message="stopped: the robot comes to rest")
    if button in _VERDICT:
        return decided(session, _VERDICT[button], now_ns) if session.open else replace(session, verdict=None)
    after = _STATE_AFTER.get((session.state, button))
    return replace(session, verdict=None) if after is None else Session(after, now_ns)


def useful(session: Session) -> frozenset[Button]:
    """The buttons that mean something now."""
    return frozenset(button for button in Button if pressed(session, button, session.since_ns) != session)


def decided(session: Session, verdict: Verdict, now_ns: int) -> Session:
    """The session after its episode was kept or discarded.

    Raises:
        InputError: no episode is open.
    """
    if not session.open:
        raise InputError(f"no episode is open while the session is {session.state}.")
    return Session(SessionState.IDLE, now_ns, verdict, _SAVED[verdict])


def ended(why: str, now_ns: int, *, recorded: bool) -> Session:
    """The session after something other than its buttons has ended what it was doing: the robot stopped following.

    Args:
        why: in one line, for the person.
        now_ns: when.
        recorded: whether an episode is open; it is reviewed.
    """
    return Session(SessionState.REVIEW if recorded else SessionState.IDLE, now_ns, message=why)


def passed(session: Session, now_ns: int, disagreement: str, config: SessionConfig) -> Session:
    """The session after time has passed.

    Args:
        session: before.
        now_ns: the instant.
        disagreement: what keeps robot and person apart, in words; empty when they agree.
        config: timing.
    """
    waited_s = (now_ns - session.since_ns) / NS_PER_S
    if session.state is SessionState.ALIGNING:
        if not disagreement:
            return Session(SessionState.COUNTDOWN, now_ns)
        if waited_s >= config.align_s:
            return Session(SessionState.FOLLOWING, now_ns, message=f"not recording: {disagreement}")
        return replace(session, verdict=None, message=disagreement)
    if session.state is SessionState.COUNTDOWN:
        if disagreement:
            return Session(SessionState.ALIGNING, now_ns, message=disagreement)
        if waited_s >= config.countdown_s:
            return Session(SessionState.RECORDING, now_ns)
    return replace(session, verdict=None)
