"""The seam to robots that track references themselves: frames on an even grid go out, measurements come in."""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from hlm.core.arrays import FloatArray, frozen
from hlm.core.errors import MismatchError
from hlm.core.layout import JOINTS
from hlm.core.values import RobotState


@dataclass(frozen=True, slots=True, eq=False)
class StreamFrames:
    """Consecutive frames of a stream of references on an even grid.

    Attributes:
        index: number of the first frame; numbers go up by one from frame to frame, for ever.
        joint_position_rad: [frame > 0, 29] motor order.
        joint_velocity_rad_s: [frame, 29] motor order.
        quat_heading_from_pelvis_wxyz: [frame, 4] orientation of the pelvis; its yaw has an arbitrary origin.
        gripper_opening: [2] left, right, of the last frame; 1 = open, 0 = closed.
    """

    index: int
    joint_position_rad: FloatArray
    joint_velocity_rad_s: FloatArray
    quat_heading_from_pelvis_wxyz: FloatArray
    gripper_opening: FloatArray

    def __post_init__(self) -> None:
        """Check shapes and make the arrays read-only copies."""
        count = len(self.joint_position_rad)
        if not count:
            raise MismatchError("a stream has at least one frame.")
        for name, size in (
            ("joint_position_rad", JOINTS),
            ("joint_velocity_rad_s", JOINTS),
            ("quat_heading_from_pelvis_wxyz", 4),
        ):
            object.__setattr__(self, name, frozen(getattr(self, name), (count, size), name))
        object.__setattr__(self, "gripper_opening", frozen(self.gripper_opening, (2,), "gripper_opening"))

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.joint_position_rad)


class StreamLink(Protocol):
    """The wire to a robot that tracks references itself."""

    def __enter__(self) -> Self:
        """Connect; nothing is sent."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect; whoever streamed has stopped the robot before."""
        ...

    def claim(self) -> None:
        """Take what only one process can have, before anything is sent; sending does so too."""
        ...

    def read(self) -> RobotState:
        """The newest measurement."""
        ...

    def trouble(self) -> str:
        """Why the stream must not go on, such as a robot that has left it since the last call; empty when it may."""
        ...

    def publish(self, frames: StreamFrames) -> None:
        """Send the newest frames, among them those that were sent last; never waits."""
        ...

    def stop(self) -> None:
        """Tell the robot to brake and to follow nothing any more; never waits."""
        ...
