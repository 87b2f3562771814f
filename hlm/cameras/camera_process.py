"""Cameras in processes of their own, so that neither a slow device nor rendering ever delays whoever needs images."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import NamedTuple, Self

from hlm.cameras.delivery import DeliveryConfig, Line, MakeCameras, deliver
from hlm.core.clock import NS_PER_S, MonotonicClock
from hlm.core.errors import InputError, LostError, WorkerDiedError
from hlm.core.processes import ChildProcess
from hlm.core.values import CameraFrame

# An image that is older is as good as none.
_LOST_AFTER_S = 1.0
# Devices close in less; one that hangs is not waited for any longer.
_STOP_S = 3.0


class CameraHealth(NamedTuple):
    """How a camera is.

    Attributes:
        fault: what is wrong with it, as in "camera 'head' FAULT"; empty if it delivers.
        frames: images that it delivered since the start.
        age_s: how old its newest image is; infinite before the first.
        reconnections: how often its process has opened it again.
    """

    fault: str
    frames: int
    age_s: float
    reconnections: int


class CameraProcess:
    """Any cameras in a process of their own; implements `hlm.core.protocols.Cameras`.

    `capture` gives the newest image of each camera at once. One that froze, sees nothing, or is lost is absent, and
    `health` says why; its process opens it again by itself.

    Args:
        name: of the process, for errors and process lists.
        make_cameras: makes the cameras inside the process; picklable.
        names: of the cameras that they are.
        config: how images are delivered.
        start_timeout_s: longest wait for the first image of each.
    """

    def __init__(
        self,
        name: str,
        make_cameras: MakeCameras,
        names: tuple[str, ...],
        config: DeliveryConfig | None = None,
        start_timeout_s: float = 20.0,
    ) -> None:
        self._name, self._make_cameras, self._names = name, make_cameras, names
        self._config = DeliveryConfig() if config is None else config
        self._start_timeout_s = start_timeout_s
        self._clock = MonotonicClock()
        self._child: ChildProcess | None = None
        self._lines: dict[str, Line] = {}
        self._newest: dict[str, tuple[int, CameraFrame]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its cameras."""
        return self._names

    @property
    def pid(self) -> int | None:
        """Id of the process; None before the start."""
        return None if self._child is None else self._child.pid

    def start(self) -> None:
        """Start the process without waiting for it."""
        self._lines = {name: Line.new() for name in self._names}
        self._newest = {}
        self._child = ChildProcess(self._name, deliver, self._make_cameras, self._lines, self._config).start()

    def wait_ready(self) -> None:
        """Wait until every camera has delivered an image.

        Raises:
            HlmError: the cameras cannot be opened, or one does not deliver.
        """
        child = self._started()
        try:
            child.wait_ready(self._start_timeout_s)
        except WorkerDiedError as error:
            if not child.alive:
                raise
            faults = [f"camera '{name}' {line.told()[0]}" for name, line in self._lines.items() if line.told()[0]]
            raise LostError(f"{error} {'; '.join(faults)}".rstrip(".") + ".") from error

    def __enter__(self) -> Self:
        """Start, and wait for the first image of each camera.

        Raises:
            HlmError: the cameras cannot be opened, or one does not deliver.
        """
        self.start()
        try:
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the cameras and their process."""
        self.stop()

    def stop(self) -> None:
        """Stop the cameras and their process; may be called more than once."""
        if self._child is not None:
            self._child.stop(_STOP_S)

    def capture(self) -> Mapping[str, CameraFrame]:
        """The newest image of each camera that delivers; never waits.

        Raises:
            LostError: the process died or gave up.
        """
        self._check()
        now_ns = self._clock.now_ns()
        frames = {}
        for name in self._names:
            frame = self._frame(name)
            if frame is not None and now_ns - frame.stamp_ns <= _LOST_AFTER_S * NS_PER_S:
                frames[name] = frame
        return frames

    def health(self) -> Mapping[str, CameraHealth]:
        """How each camera is; never waits."""
        now_ns = self._clock.now_ns()
        return {name: self._health(name, line, now_ns) for name, line in self._lines.items()}

    def faults(self) -> Mapping[str, str]:
        """What is wrong with each camera that does not deliver, as in "camera 'NAME' FAULT"; never waits."""
        return {name: health.fault for name, health in self.health().items() if health.fault}

    def _health(self, name: str, line: Line, now_ns: int) -> CameraHealth:
        fault, reconnections = line.told()
        newest = self._newest_frame(name)
        age_s = float("inf") if newest is None else (now_ns - newest.stamp_ns) / NS_PER_S
        if not fault and age_s > _LOST_AFTER_S:
            fault = f"has delivered no image for {age_s:.1f} s"
        return CameraHealth(fault, line.frames.written, age_s, reconnections)

    def _frame(self, name: str) -> CameraFrame | None:
        """The newest image of a camera; None if something is wrong with it."""
        fault, _ = self._lines[name].told()
        return None if fault else self._newest_frame(name)

    def _newest_frame(self, name: str) -> CameraFrame | None:
        written = self._lines[name].frames.written
        known = self._newest.get(name)
        if known is None or known[0] != written:
            frame = self._lines[name].frames.newest()
            if frame is None:
                return None
            known = self._newest[name] = (written, frame)
        return known[1]

    def _check(self) -> None:
        child = self._started()
        if (error := child.error()) is not None:
            raise LostError(f"the {self._name} process gave up: {error}") from error
        if not child.alive:
            raise LostError(f"{child.death()}.")

    def _started(self) -> ChildProcess:
        if self._child is None:
            raise LostError(f"the {self._name} process was not started: enter the cameras first.")
        return self._child


class CameraProcesses:
    """Several groups of cameras, each in a process of its own, as one; implements `hlm.core.protocols.Cameras`.

    Args:
        groups: the groups; no two have a camera of the same name.

    Raises:
        InputError: two cameras have the same name.
    """

    def __init__(self, groups: tuple[CameraProcess, ...]) -> None:
        names = [name for group in groups for name in group.names]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise InputError(f"two cameras are called '{twice[0]}'.")
        self._groups = groups
        self._stack = ExitStack()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all cameras."""
        return tuple(name for group in self._groups for name in group.names)

    @property
    def pids(self) -> tuple[int, ...]:
        """Ids of the processes that were started."""
        return tuple(group.pid for group in self._groups if group.pid is not None)

    def __enter__(self) -> Self:
        """Start all processes at once, and wait for the first image of each camera.

        Raises:
            HlmError: cameras cannot be opened, or one does not deliver.
        """
        with ExitStack() as stack:
            for group in self._groups:
                stack.callback(group.stop)
                group.start()
            for group in self._groups:
                group.wait_ready()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop all cameras and their processes."""
        self._stack.close()

    def capture(self) -> Mapping[str, CameraFrame]:
        """The newest image of each camera that delivers; never waits.

        Raises:
            LostError: a process died or gave up.
        """
        return {name: frame for group in self._groups for name, frame in group.capture().items()}

    def health(self) -> Mapping[str, CameraHealth]:
        """How each camera is; never waits."""
        return {name: health for group in self._groups for name, health in group.health().items()}

    def faults(self) -> Mapping[str, str]:
        """What is wrong with each camera that does not deliver, as in "camera 'NAME' FAULT"; never waits."""
        return {name: health.fault for name, health in self.health().items() if health.fault}
