"""A body whose robot tracks references itself, in a process of its own: it streams frames whatever the loop does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from hlm.core.clock import MonotonicClock, ticks
from hlm.core.embodiment import Embodiment
from hlm.core.layout import DIMENSIONS
from hlm.core.lifeline import HeldLife
from hlm.core.processes import Leash
from hlm.core.realtime import be_on_time
from hlm.core.resampling import StreamResampler
from hlm.core.shared_ring import SharedRing
from hlm.core.streaming import StreamLink
from hlm.core.values import RobotState
from hlm.runtime.bodies.body_process import BodyLines, BodyProcessConfig, BodyStepper, run_steps
from hlm.runtime.bodies.guard_process import GuardConfig, Guarded, died_in_charge
from hlm.runtime.bodies.process_body import BodyJobs, ProcessBody, RealtimeBodyConfig
from hlm.runtime.streaming.config import StreamingConfig
from hlm.runtime.streaming.controller import StreamCommand, StreamController
from hlm.runtime.streaming.frame_stream import StreamEnd

_END = np.dtype([("next_index", np.int64), ("vector", np.float64, DIMENSIONS), ("heading_rad", np.float64)])
# Stops before the link is closed: one that is lost on the way must not be the last.
_LAST_STOPS = 10


class StreamParts(NamedTuple):
    """What a streamed body is made of; picklable.

    Attributes:
        make_link: makes the link to the robot; called in both processes.
        embodiment: the robot's table.
        config: of the stream.
        process: of the process, for the guard.
        ends: where the stream is, written by whoever streams.
    """

    make_link: Callable[[], StreamLink]
    embodiment: Embodiment
    config: StreamingConfig
    process: BodyProcessConfig
    ends: SharedRing

    def controller(self) -> StreamController:
        """A new one."""
        process = self.process
        return StreamController(self.embodiment, process.safety, self.config, dry_run=process.dry_run)


class StreamedBody(ProcessBody):
    """Implements `hlm.core.body.Body` for a robot that tracks references itself.

    Its process sends frames on an absolute grid from the first reset on. When the loop is gone, it stops: holds,
    crouches, and makes the robot brake. When it is gone itself, the guard goes on with the stream and does the same.

    Args:
        make_link: makes the link to the robot, which publishes nothing before it is told to; picklable.
        embodiment: the robot's table.
        config: of the stream.
        processes: of the processes; their rate is that of the stream.
    """

    def __init__(
        self,
        make_link: Callable[[], StreamLink],
        embodiment: Embodiment,
        config: StreamingConfig | None = None,
        processes: RealtimeBodyConfig | None = None,
    ) -> None:
        config = StreamingConfig() if config is None else config
        processes = RealtimeBodyConfig() if processes is None else processes
        process = replace(processes.process, control_hz=config.rate_hz)
        parts = StreamParts(make_link, embodiment, config, process, SharedRing(_END))
        jobs = BodyJobs(run_stream, (parts,), run_stream_guard, (parts,), "the guard stops the robot")
        self.latency_s = StreamResampler(1.0 / config.reference_hz, config.delay_s).latency_s
        """How much older the references in the newest frame are than its slot."""
        super().__init__(jobs, replace(processes, process=process))


def run_stream(leash: Leash, parts: StreamParts, config: BodyProcessConfig, lines: BodyLines, life: HeldLife) -> None:
    """Job of a process: stream until released; then come to rest safely first.

    Args:
        leash: of the process; ready with the notes of `be_on_time`.
        parts: what the body is made of.
        config: timing and safety.
        lines: in and out.
        life: shows the guard that this process lives.
    """
    life.hold()
    leash.end_on_sigterm()
    controller = parts.controller()
    with parts.make_link() as link:
        if not config.dry_run:
            link.claim()
        stepper = BodyStepper(_Wire(link, controller, parts.ends), controller, lines)
        leash.ready(be_on_time(config.realtime))
        run_steps(leash, stepper, config.control_hz)


def run_stream_guard(leash: Leash, parts: StreamParts, config: GuardConfig, body: Guarded) -> None:
    """Job of a process: go on with the stream when the body dies, until the robot has come to rest.

    Args:
        leash: of the process; ready with the notes of `be_on_time`.
        parts: what the body is made of.
        config: timing.
        body: who is watched.
    """
    with parts.make_link() as link:
        leash.ready(be_on_time(config.realtime))
        record = parts.ends.newest() if died_in_charge(config, body) else None
        if record is not None:
            _come_to_rest(link, parts, _end_from_record(record))


def _come_to_rest(link: StreamLink, parts: StreamParts, end: StreamEnd) -> None:
    """Hold, crouch, stop."""
    # Every message tells all since the body's last one: the robot has to connect to this process first.
    config = replace(parts.config, repeated=parts.config.most_frames - 1)
    clock, controller = MonotonicClock(), parts._replace(config=config).controller()
    controller.take_over(end, clock.now_ns(), "the body's process is gone")
    wire, left = _Wire(link, controller, parts.ends), _LAST_STOPS
    for _ in ticks(clock, parts.config.rate_hz):
        command = controller.step(wire.read, clock.now_ns())
        # A link that fails now may work in a moment, and there is nobody else.
        with suppress(Exception):
            if command is not None:
                wire.command(command)
        left -= int(controller.status.braking)
        if left < 0:
            return


class _Wire:
    """The robot as a body's stepper sees it."""

    def __init__(self, link: StreamLink, controller: StreamController, ends: SharedRing) -> None:
        self._link = link
        self._controller = controller
        self._ends = ends

    def read(self) -> RobotState:
        state = self._link.read()
        if trouble := self._link.trouble():
            self._controller.hold(trouble)
        return state

    def command(self, command: StreamCommand) -> None:
        if command.stop:
            self._link.stop()
        elif command.frames is not None:
            self._link.publish(command.frames)
            if self._controller.end is not None:
                self._ends.append(_record_of_end(self._controller.end))


def _record_of_end(end: StreamEnd) -> np.void:
    records = np.zeros(1, _END)
    records["next_index"], records["vector"], records["heading_rad"] = end
    record: np.void = records[0]
    return record


def _end_from_record(record: np.void) -> StreamEnd:
    return StreamEnd(int(record["next_index"]), np.array(record["vector"]), float(record["heading_rad"]))
