"""What a process of cameras does: open them, pass their images on, open them again when they fail."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from hlm.cameras.frame_ring import FrameRing
from hlm.cameras.image_checks import ImageChecks, ImageWatch
from hlm.core.clock import MonotonicClock, ticks
from hlm.core.errors import InputError, UnknownNameError
from hlm.core.processes import Leash
from hlm.core.protocols import Cameras
from hlm.core.shared_ring import SharedRing
from hlm.core.values import CameraFrame

type MakeCameras = Callable[[], Cameras]
"""Makes cameras in the process that they run in; picklable, such as a `functools.partial` of a class and its config."""

_FAULT_BYTES = 400
_HEALTH = np.dtype([("fault", f"S{_FAULT_BYTES}"), ("reconnections", np.int64)])


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryConfig:
    """How a process delivers images.

    Attributes:
        rate_hz: images are asked for on an absolute grid of this rate; None for cameras whose `capture` waits for the
            next image by itself.
        checks: what is held against the images.
        first_retry_s: wait before cameras that failed are opened again; doubles with every failure.
        longest_retry_s: longest such wait.
        nice: priority that the process gives up, 0 to 19, so that images never delay the body.
        cpus: processors that it may run on; empty: all.
    """

    rate_hz: float | None = None
    checks: ImageChecks = field(default_factory=ImageChecks)
    first_retry_s: float = 0.2
    longest_retry_s: float = 5.0
    nice: int = 5
    cpus: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InputError: a number that makes no sense.
        """
        if self.rate_hz is not None and not 0.0 < self.rate_hz <= 1000.0:
            raise InputError(f"cameras are asked for more than 0 and up to 1000 images per second, not {self.rate_hz}.")
        if not 0.0 < self.first_retry_s <= self.longest_retry_s:
            raise InputError(
                f"cameras are opened again after {self.first_retry_s} s to {self.longest_retry_s} s: the first wait "
                "must be positive and not longer than the longest."
            )
        if not 0 <= self.nice <= 19:
            raise InputError(f"a process of cameras gives up 0 to 19 of priority, not {self.nice}.")


class Line(NamedTuple):
    """What a process says of one camera, in shared memory.

    Attributes:
        frames: its newest images.
        health: what is wrong with it, and how often the cameras were opened again; written when that changes.
    """

    frames: FrameRing
    health: SharedRing

    @classmethod
    def new(cls) -> Line:
        """An empty line."""
        return cls(FrameRing(), SharedRing(_HEALTH))

    def tell(self, fault: str, reconnections: int) -> None:
        """Say what is wrong with the camera; an empty text says that it delivers."""
        records = np.zeros(1, _HEALTH)
        records["fault"][0] = fault.encode()[:_FAULT_BYTES]
        records["reconnections"][0] = reconnections
        self.health.append(records[0])

    def told(self) -> tuple[str, int]:
        """What is wrong with the camera, and how often the cameras were opened again."""
        record = self.health.newest()
        if record is None:
            return "has not delivered an image yet", 0
        return bytes(record["fault"]).decode(errors="ignore"), int(record["reconnections"])


def deliver(leash: Leash, make_cameras: MakeCameras, lines: Mapping[str, Line], config: DeliveryConfig) -> None:
    """Job of a process: pass images on until it is released; ready when every camera has delivered one.

    What goes wrong before that is raised. Later it is told in `Line.health`, and the cameras are opened again.
    """
    _make_way(config)
    sorter = _Sorter(lines, config.checks)
    retry_s = config.first_retry_s
    while True:
        try:
            with make_cameras() as cameras:
                for frames in _captures(leash, cameras, config.rate_hz):
                    if sorter.pass_on(frames) and not sorter.complete:
                        sorter.complete = True
                        leash.ready()
                    if frames:
                        retry_s = config.first_retry_s
            return
        except Exception as error:
            if not sorter.complete:
                raise
            sorter.lost(error)
        if leash.wait(retry_s):
            return
        retry_s = min(2.0 * retry_s, config.longest_retry_s)
        sorter.reconnections += 1


class _Sorter:
    """Passes images on, but for those that a policy must not see.

    Args:
        lines: of the cameras that are expected, by name.
        checks: what is held against images.
    """

    def __init__(self, lines: Mapping[str, Line], checks: ImageChecks) -> None:
        self._lines = lines
        self._watches = {name: ImageWatch(checks) for name in lines}
        self._newest_ns = dict.fromkeys(lines, -1)
        self._faults: dict[str, str | None] = dict.fromkeys(lines)
        self.complete = False
        self.reconnections = 0

    def pass_on(self, frames: Mapping[str, CameraFrame]) -> bool:
        """Pass on those of the frames that are new and good; whether every camera delivers by now.

        Raises:
            UnknownNameError: a frame of a camera that nobody expects.
        """
        for name, frame in frames.items():
            if name not in self._lines:
                raise UnknownNameError("camera", name, self._lines)
            if frame.stamp_ns <= self._newest_ns[name]:
                continue
            self._newest_ns[name] = frame.stamp_ns
            fault = self._watches[name].fault(frame)
            if not fault:
                self._lines[name].frames.append(frame)
            # A camera that is frozen is so for longer and longer: once is enough.
            before = self._faults[name]
            if before is None or bool(before) != bool(fault):
                self._tell(name, fault)
        return all(fault == "" for fault in self._faults.values())

    def lost(self, error: Exception) -> None:
        """No camera delivers any more, because of an error."""
        for name in self._lines:
            self._tell(name, f"is lost: {' '.join(str(error).split()) or type(error).__name__}")

    def _tell(self, name: str, fault: str) -> None:
        if fault != self._faults[name]:
            self._faults[name] = fault
            self._lines[name].tell(fault, self.reconnections)


def _captures(leash: Leash, cameras: Cameras, rate_hz: float | None) -> Iterator[Mapping[str, CameraFrame]]:
    """What the cameras deliver until this process is released."""
    grid = None if rate_hz is None else ticks(MonotonicClock(), rate_hz)
    while not leash.released():
        if grid is not None:
            next(grid)
        yield cameras.capture()


def _make_way(config: DeliveryConfig) -> None:
    """Let the robot's body run first."""
    os.nice(config.nice)
    if config.cpus and hasattr(os, "sched_setaffinity"):
        with suppress(OSError):  # of processors that this machine does not have
            os.sched_setaffinity(0, config.cpus)
