"""The seam to what moves: a body takes 34-D references, and joint commands never leave it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

from hlm.core.values import Reference, RobotState


class BodyMode(StrEnum):
    """What a body is doing with its motors."""

    TRACKING = "tracking"
    """It follows the references that are pushed."""
    HELD = "held"
    """It keeps its balance at the last good reference and ignores new ones."""
    DAMPED = "damped"
    """Its motors only brake; it sinks to the ground unless something supports it."""


@dataclass(frozen=True, slots=True)
class BodyStatus:
    """The state of a body.

    Attributes:
        mode: what it is doing.
        fault: why it stopped following references, in one sentence; empty while it tracks.
    """

    mode: BodyMode = BodyMode.TRACKING
    fault: str = ""

    @property
    def tracking(self) -> bool:
        """Whether it follows references."""
        return self.mode is BodyMode.TRACKING


class Body(Protocol):
    """A robot that follows references: with a tracker of hlm's, or with one of its own.

    Entering connects and takes over the motors; leaving, normally or by an exception, makes the body safe. Between the
    two, a fault is a state and not an exception: `push` and `advance` never raise because an input is stale, missing or
    not a number. The body stops following, says why in `status`, and stays that way until `reset`.
    """

    @property
    def status(self) -> BodyStatus:
        """What it is doing, and why when that is not tracking."""
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
        """Follow references from the pose measured now, which is the first reference; clears a fault.

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
        """Stop following references and keep balance, because of `fault`; a worse state stays as it is."""
        ...
