"""The process that moves a robot: robot link, tracker and safety on an absolute grid, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.body import BodyState
from hlm.core.clock import Clock, MonotonicClock, Tick, ticks
from hlm.core.embodiment import Embodiment
from hlm.core.errors import InputError
from hlm.core.lifeline import HeldLife
from hlm.core.processes import Leash
from hlm.core.protocols import OperatorStop, Robot, Tracker
from hlm.core.realtime import RealtimeConfig, be_on_time
from hlm.core.records import from_record
from hlm.core.shared_ring import SharedRing
from hlm.core.values import Reference, RobotState
from hlm.core.wording import counted
from hlm.runtime.bodies.body_records import Order, ReportWriter, why_of
from hlm.runtime.body_controller import BodyController
from hlm.runtime.safe_controller import SafeController, reason
from hlm.runtime.safety.config import SafetyConfig

_WARM_UP_STEPS = 20
# Braking commands before a link is closed: one that is lost on the way must not be the last.
LAST_COMMANDS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class BodyProcessConfig:
    """A body in a process of its own.

    Attributes:
        control_hz: tracker steps per second.
        safety: how long its states last, and how old its inputs may be.
        dry_run: go through everything, but command at most braking.
        realtime: how its process is to be preferred.
    """

    control_hz: float = 100.0
    safety: SafetyConfig = field(default_factory=SafetyConfig)
    dry_run: bool = False
    realtime: RealtimeConfig = field(default_factory=lambda: RealtimeConfig(priority=50, cpu=-1))

    def __post_init__(self) -> None:
        """Check the range."""
        if not self.control_hz > 0.0:
            raise InputError(f"control_hz must be positive, got {self.control_hz}.")


class BodyLines(NamedTuple):
    """What leads into a body's process and out of it.

    Attributes:
        orders: of type `ORDER`, written by the loop.
        references: records of `Reference`, written by the loop.
        reports: of type `REPORT`, written by the body.
    """

    orders: SharedRing
    references: SharedRing
    reports: SharedRing


class BodyParts(NamedTuple):
    """What a body is made of; the functions are called in its process, so they are picklable.

    Attributes:
        make_robot: makes the robot link.
        make_tracker: makes the tracker.
        embodiment: the robot's table.
    """

    make_robot: Callable[[], Robot]
    make_tracker: Callable[[], Tracker]
    embodiment: Embodiment


def run_body(leash: Leash, parts: BodyParts, config: BodyProcessConfig, lines: BodyLines, life: HeldLife) -> None:
    """Job of a process: be a body until released; then come to rest safely first.

    It is released when it is told to end, by SIGTERM, and when the process that started it is gone.

    Args:
        leash: of the process; ready with the notes of `be_on_time`.
        parts: what it is made of.
        config: timing and safety.
        lines: in and out.
        life: shows the guard that this process lives.
    """
    life.hold()
    leash.end_on_sigterm()
    tracker = _warm_tracker(parts)
    with parts.make_robot() as robot:
        controller = BodyController(tracker, parts.embodiment, config.safety, dry_run=config.dry_run)
        stepper = BodyStepper(robot, controller, lines)
        leash.ready(be_on_time(config.realtime))
        run_steps(leash, stepper, config.control_hz)


def run_steps(leash: Leash, stepper: BodyStepper[Any], control_hz: float) -> None:
    """Step on an absolute grid until released; then come to rest safely."""
    clock, left = MonotonicClock(), LAST_COMMANDS
    released = False
    for tick in ticks(clock, control_hz):
        woke_ns = clock.now_ns()
        if not released and leash.released():
            released = True
            gone = leash.orphaned
            stepper.come_to_rest("the program that started the body is gone" if gone else "the body was told to end")
        stepper.step(tick, woke_ns, clock)
        if released and stepper.at_rest:
            left -= 1
            if left < 0:
                stepper.say_goodbye()
                return


def _warm_tracker(parts: BodyParts) -> Tracker:
    """A tracker whose code and memory have been touched: its first steps take much longer than all others."""
    tracker = parts.make_tracker()
    none, level = np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0])
    pose = parts.embodiment.default_rad
    for number in range(_WARM_UP_STEPS):
        state = RobotState(10_000_000 * number, pose, np.zeros(len(pose)), level, none)
        if number == 0:
            tracker.reset(state)
        tracker.step(state)
    return tracker


class _Sent(Protocol):
    """What leaves a body at a step."""

    @property
    def gripper_opening(self) -> FloatArray:
        """[2] commanded opening, left and right."""
        ...


class _Commanded[Command](Protocol):
    """What is measured and commanded."""

    def read(self) -> RobotState: ...

    def command(self, command: Command) -> None: ...


class BodyStepper[Command: _Sent]:
    """One control step after the other.

    Args:
        robot: measures and takes commands.
        controller: makes them.
        lines: in and out.
    """

    def __init__(self, robot: _Commanded[Command], controller: SafeController[Command], lines: BodyLines) -> None:
        self._robot = robot
        self._controller = controller
        self._lines = lines
        self._writer = ReportWriter()
        self._orders = self._references = self._lost = self._skipped = self._reference_ns = 0
        self._stopping = self._leaving = self._pressed = False

    @property
    def at_rest(self) -> bool:
        """Whether the motors only brake, or were never commanded."""
        return self._controller.status.at_rest

    def step(self, tick: Tick, woke_ns: int, clock: Clock) -> None:
        """Take what came, measure, command, and report."""
        self._skipped += tick.skipped
        self._take_orders(woke_ns)
        self._heed_the_operator()
        self._take_references()
        command = self._controller.step(self._robot.read, woke_ns)
        if command is not None:
            try:
                self._robot.command(command)
            except Exception as error:  # noqa: BLE001 - a driver may raise anything
                self._controller.fail(f"the robot took no command: {reason(error)}")
            self._writer.note(gripper_opening=command.gripper_opening)
        done_ns = clock.now_ns()
        if command is None or self._controller.status.braking:
            self._controller.observe(self._robot.read)
        if command is None and self._controller.state is not None:
            self._writer.note(gripper_opening=self._controller.state.gripper_opening)
        self._writer.note(slot=tick.index, due_ns=tick.due_ns, woke_ns=woke_ns, done_ns=done_ns)
        self._report()

    def come_to_rest(self, why: str) -> None:
        """Begin to stop, unless that has begun. From now on nobody can arm."""
        self._leaving = True
        if not self._stopping:
            self._controller.stop(why)

    def _stop(self, why: str) -> None:
        """Stop as somebody asks; what tells all processes to end is one stop here, and a second would damp at once."""
        begun = self._leaving and not self._stopping
        self._stopping = True
        if not begun:
            self._controller.stop(why)

    def say_goodbye(self) -> None:
        """Report that the process ends on purpose."""
        self._writer.note(ended=True)
        self._report()

    def _take_orders(self, now_ns: int) -> None:
        batch = self._lines.orders.since(self._orders)
        self._orders = batch.next_index
        controller = self._controller
        if batch.lost:  # one of them may have been a stop
            self._stop(f"{counted(batch.lost, 'order')} to the body came to nothing")
        for record in batch.records:
            why = why_of(record)
            match Order(int(record["order"])):
                case Order.ARM | Order.HANG if self._leaving:
                    pass  # it was given before whoever gave it died, or told this process to end
                case Order.ARM | Order.HANG as order:
                    self._references, self._stopping, self._pressed = int(record["references"]), False, False
                    arm = controller.reset if order is Order.ARM else controller.hang
                    arm(self._robot.read, now_ns)  # the step's own instant: its clock must not go back
                case Order.HOLD:
                    controller.hold(why)
                case Order.STOP:
                    self._stop(why)
                case Order.DAMP:
                    controller.damp(why)

    def _heed_the_operator(self) -> None:
        """A stop counts when it is pressed: pressed once more it brakes at once, held down while arming it stops."""
        if not isinstance(self._robot, OperatorStop):
            return
        pressed = self._robot.operator_stop()
        if pressed and not self._pressed and self._controller.status.state is not BodyState.DISARMED:
            self._stop(f"the operator pressed {pressed}")
        self._pressed = bool(pressed)

    def _take_references(self) -> None:
        batch = self._lines.references.since(self._references)
        self._references = batch.next_index
        self._lost += batch.lost
        for record in batch.records:
            self._reference_ns = int(record["stamp_ns"])
            self._controller.push(from_record(Reference, record))

    def _report(self) -> None:
        writer = self._writer
        writer.note(skipped=self._skipped, orders=self._orders, references=self._references)
        writer.note(lost=self._lost, reference_ns=self._reference_ns)
        writer.note_status(self._controller.status)
        writer.note_state(self._controller.state)
        self._lines.reports.append(writer.record)
