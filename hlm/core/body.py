"""The seam to what moves: a body takes 34-D references, and joint commands never leave it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from hlm.core.values import Reference, RobotState


class BodyState(StrEnum):
    """What a body is doing with its motors; `hlm.runtime.safety.transitions` holds what leads from one to the next."""

    DISARMED = "disarmed"
    """It commands nothing: nobody has armed it yet."""
    HANGING = "hanging"
    """It hangs: it moves slowly to a standing pose, and waits until its feet carry it; it takes no references."""
    ARMING = "arming"
    """It has just taken over: it keeps its balance and takes references, and its power may rise only slowly."""
    RUNNING = "running"
    """It follows the references that are pushed."""
    HOLDING = "holding"
    """It keeps its balance where it is and ignores references."""
    CROUCHING = "crouching"
    """It sinks slowly, in balance, to a pose from which nothing can fall far; it ignores references."""
    DAMPING = "damping"
    """Its motors only brake; it sinks to the ground unless something supports it."""
    FAULT = "fault"
    """Its motors only brake, because the robot or what balances it does not work."""


@dataclass(frozen=True, slots=True)
class BodyStatus:
    """The state of a body.

    Attributes:
        state: what it is doing.
        fault: why it does not follow references, in one sentence; empty while it does.
    """

    state: BodyState
    fault: str = ""

    @property
    def tracking(self) -> bool:
        """Whether it follows references."""
        return self.state in (BodyState.ARMING, BodyState.RUNNING)

    @property
    def braking(self) -> bool:
        """Whether its motors only brake."""
        return self.state in (BodyState.DAMPING, BodyState.FAULT)

    @property
    def at_rest(self) -> bool:
        """Whether its motors only brake, or were never commanded: no way leads back to `BodyState.DISARMED`."""
        return self.braking or self.state is BodyState.DISARMED


class Body(Protocol):
    """A robot that follows references: with a tracker of hlm's, or with one of its own.

    Entering connects and takes over the motors; leaving, normally or by an exception, makes the body safe. Between the
    two, a fault is a state and not an exception: `push` and `advance` never raise because an input is stale, missing or
    not a number. The body stops following, says why in `status`, and stays that way until `reset`.
    """

    @property
    def status(self) -> BodyStatus:
        """What it is doing, and why when that is not following references."""
        ...

    def __enter__(self) -> Self:
        """Connect and take over the motors."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Make safe and disconnect."""
        ...

    def reset(self) -> None:
        """Arm: follow references from the pose measured now, which is the first reference; clears a fault.

        Only this ends a stop, and it happens at once: no reference of before is followed.

        A robot that cannot be read, or measures what is not a number, is the next fault.
        """
        ...

    def read(self) -> RobotState:
        """The newest measurement; its stamp says how old it is."""
        ...

    def push(self, reference: Reference) -> None:
        """Add the next reference of the stream; stamps increase."""
        ...

    def advance(self, until_ns: int) -> None:
        """Move until `until_ns` on the session's clock, or up to one control period less.

        A body in a process of its own moves by itself, and only waits here.
        """
        ...

    def hold(self, fault: str) -> None:
        """Stop following references and keep balance, because of `fault`; a worse state stays as it is.

        Unless a person resets it in time, the body then crouches and damps its motors.
        """
        ...

    def stop(self, fault: str) -> None:
        """Come to rest safely: hold, crouch, damp; a second stop damps at once. Latched until a person resets."""
        ...
