"""A file of motion as a device: a recorded person commands the robot."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from hlm.core.clock import NS_PER_S, Clock
from hlm.core.errors import InputError
from hlm.teleop.devices.device import DeviceSample
from hlm.teleop.motion.motion import Motion

_SPEEDS = (0.05, 5.0)


class MotionFile:
    """Plays a motion; implements `hlm.teleop.devices.device.Device`.

    It is held at its first frame until it is started, and at its last one when it has ended. Frames are interpolated:
    a slow motion is as smooth as a fast one, and samples are as new as the clock.

    Args:
        motion: what is played.
        clock: the session's.
        speed: 1 plays it as fast as it was recorded.

    Raises:
        InputError: the speed is out of range.
    """

    name = "motion"
    cannot: tuple[str, ...] = ("the grippers: they stay open",)

    def __init__(self, motion: Motion, clock: Clock, speed: float = 1.0) -> None:
        if not _SPEEDS[0] <= speed <= _SPEEDS[1]:
            raise InputError(f"--speed must be {_SPEEDS[0]:g} to {_SPEEDS[1]:g}, got {speed:g}.")
        self._motion = motion
        self._clock = clock
        self._speed = speed
        self._played_s = 0.0  # of the motion, when it was last stopped
        self._started_ns: int | None = None

    def __enter__(self) -> Self:
        """Be at the first frame."""
        self.rewind()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def motion(self) -> Motion:
        """What is played."""
        return self._motion

    @property
    def has_ended(self) -> bool:
        """Whether the last frame has been reached."""
        return self.played_s >= self._motion.duration_s

    @property
    def played_s(self) -> float:
        """Time of the motion that is shown now."""
        return min(self._played_at(self._clock.now_ns()), self._motion.duration_s)

    def start(self) -> None:
        """Play on from the frame that is shown."""
        if self._started_ns is None:
            self._started_ns = self._clock.now_ns()

    def stop(self) -> None:
        """Hold the frame that is shown."""
        self._played_s = self.played_s
        self._started_ns = None

    def rewind(self) -> None:
        """Hold the first frame."""
        self._played_s = 0.0
        self._started_ns = None

    def read(self) -> DeviceSample:
        """The person now."""
        now_ns = self._clock.now_ns()
        return DeviceSample(stamp_ns=now_ns, motion=self._motion.at(self._played_at(now_ns), now_ns))

    @property
    def trouble(self) -> str:
        """That the motion has ended; empty before."""
        if not self.has_ended:
            return ""
        return f"{self._motion.facts.file} has ended after {self._motion.duration_s:.1f} s; its last frame is held."

    def _played_at(self, now_ns: int) -> float:
        since_ns = 0 if self._started_ns is None else now_ns - self._started_ns
        return self._played_s + self._speed * since_ns / NS_PER_S
