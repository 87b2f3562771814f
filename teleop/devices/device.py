"""The seam to a person's device: what it says at an instant, and what it cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from hlm.control.body_command import BodyCommand
from hlm.teleop.keypoints.body_keypoints import BodyKeypoints


class Button(StrEnum):
    """What a person may ask of the session; devices map their keys and buttons to these."""

    ENGAGE = "engage"
    """Let the robot follow, or let it hold."""
    RECORD = "record"
    """Begin an episode, or end it."""
    SUCCESS = "success"
    """Keep the episode as a success."""
    FAILURE = "failure"
    """Keep the episode as a failure."""
    DISCARD = "discard"
    """Keep nothing of the episode."""
    STOP = "stop"
    """Stop the robot."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DeviceSample:
    """What a device says at an instant.

    Attributes:
        stamp_ns: instant of the capture on the device's clock, see `Device`.
        motion: sparse commands, or the person's whole body.
        buttons: that are held down.
    """

    stamp_ns: int
    motion: BodyCommand | BodyKeypoints
    buttons: frozenset[Button] = frozenset()


class Device(Protocol):
    """A person's device; entering connects, leaving disconnects. Its stamps are on the clock that it was made with.

    A device that sleeps, drops out or was never there is no exception: its newest sample grows old, and `trouble` says
    why.

    Attributes:
        name: short, as on the command line.
        cannot: what it cannot command, in words for people; empty when it commands the whole body.
    """

    name: str
    cannot: tuple[str, ...]

    def __enter__(self) -> Self:
        """Connect.

        Raises:
            HlmError: it is not to be had; the text says how to get it.
        """
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect, and free what it used."""
        ...

    def read(self) -> DeviceSample | None:
        """The newest sample, without waiting; None before the first."""
        ...

    @property
    def trouble(self) -> str:
        """Why it delivers nothing, or nothing new, as far as it knows; empty when all is well."""
        ...


@runtime_checkable
class Posed(Protocol):
    """A device of small changes, such as keys: what it commands can be given to it, and changed from there."""

    def pose(self, command: BodyCommand) -> None:
        """Go on from `command`, as if the person had commanded it."""
        ...


@runtime_checkable
class Counting(Protocol):
    """A device that counts presses, so that none is lost on a loop that comes late, or that follows another at once."""

    @property
    def presses(self) -> Mapping[Button, int]:
        """How often each button was pressed by the last `read`."""
        ...


@runtime_checkable
class Speaking(Protocol):
    """A device that can speak to its person, who may see no page and no terminal."""

    def say(self, text: str) -> None:
        """Say it aloud, without waiting."""
        ...
