"""The seams to devices and operators: robot, cameras, tracker, and sources of references.

`hlm.core.body`, `hlm.core.policy` and `hlm.core.task` hold the larger ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from hlm.core.values import CameraFrame, JointCommand, Observation, Reference, RobotState


class Robot(Protocol):
    """A humanoid that can be read and commanded, whether real, simulated or fake."""

    def __enter__(self) -> Self:
        """Connect."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Make safe and disconnect."""
        ...

    def read(self) -> RobotState:
        """The newest measurement."""
        ...

    def command(self, command: JointCommand) -> None:
        """Send a command to the motors; it holds until the next one."""
        ...


@runtime_checkable
class OperatorStop(Protocol):
    """A robot with a stop of its own in a person's hand, such as a wireless remote; the body asks at each step."""

    def operator_stop(self) -> str:
        """Which stop is pressed now, in words; empty when none is."""
        ...


class Cameras(Protocol):
    """The robot's cameras; entering starts them, leaving stops them."""

    def __enter__(self) -> Self:
        """Start."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and free what they use."""
        ...

    def capture(self) -> Mapping[str, CameraFrame]:
        """The newest image of each camera that delivers, by name; one that does not is absent."""
        ...


@runtime_checkable
class ReportsCameras(Protocol):
    """Cameras that also know why one of them does not deliver."""

    def faults(self) -> Mapping[str, str]:
        """What is wrong with each camera that does not deliver, as in "camera 'NAME' FAULT"."""
        ...


class ReferenceSource(Protocol):
    """Where references come from: an operator's device, a script, a recording, or a policy."""

    def reset(self, observation: Observation) -> None:
        """Start an episode from the current observation."""
        ...

    def reference(self, observation: Observation) -> Reference | None:
        """The reference for the current step; None ends the episode."""
        ...


@runtime_checkable
class FollowsDevice(Protocol):
    """A source of references that come from a person's device."""

    @property
    def device_age_s(self) -> float:
        """Age of what the device had said last when the newest reference was asked for; infinite before the first."""
        ...


@runtime_checkable
class SharedCommand(Protocol):
    """A source of references in which several take turns."""

    @property
    def in_command(self) -> str:
        """Name of who gave the last reference."""
        ...


class Tracker(Protocol):
    """Turns a stream of references into joint commands."""

    def reset(self, state: RobotState) -> None:
        """Start from the measured pose, which is the first reference."""
        ...

    def push(self, reference: Reference) -> None:
        """Add the next reference of the stream; stamps increase."""
        ...

    def step(self, state: RobotState) -> JointCommand:
        """The command for the current measurement."""
        ...


@runtime_checkable
class Refusing(Protocol):
    """A tracker that says when it holds a pose because the reference cannot be followed."""

    @property
    def refusal(self) -> str:
        """Why the reference is not followed; empty while it is."""
        ...
