"""A body in a process of its own, in real time, with a guard beside it: it moves by itself, whatever the loop does."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self

from hlm.core.body import BodyState, BodyStatus
from hlm.core.clock import NS_PER_S, Clock, MonotonicClock
from hlm.core.errors import InputError, WorkerDiedError
from hlm.core.lifeline import Lifeline
from hlm.core.processes import ChildProcess, Job
from hlm.core.realtime import single_threaded
from hlm.core.records import dtype_of, to_record
from hlm.core.shared_ring import SharedRing
from hlm.core.values import Reference, RobotState
from hlm.runtime.bodies.body_process import BodyLines, BodyProcessConfig
from hlm.runtime.bodies.body_records import (
    ORDER,
    REPORT,
    BodyReport,
    Order,
    measurement_of,
    order_record,
    report_from_record,
)
from hlm.runtime.bodies.guard_process import GuardConfig, Guarded
from hlm.runtime.safety.checks import reference_fault
from hlm.runtime.safety.transitions import Event, next_state

_LOOK_NS = 1_000_000
_ALONE = "its guard is gone too, so nothing brakes the robot: press its emergency stop"
_EVENTS = {Order.HOLD: Event.HOLD, Order.DAMP: Event.DAMP}


@dataclass(frozen=True, kw_only=True, slots=True)
class RealtimeBodyConfig:
    """A body in real time.

    Attributes:
        process: the process that moves the robot.
        guard: the process that brakes it when that one is gone.
        ready_s: longest time until both are ready.
        answer_s: longest time until an order is carried out.
    """

    process: BodyProcessConfig = field(default_factory=BodyProcessConfig)
    guard: GuardConfig = field(default_factory=GuardConfig)
    ready_s: float = 60.0
    answer_s: float = 2.0

    def __post_init__(self) -> None:
        """Check ranges."""
        if not (self.ready_s > 0.0 and self.answer_s > 0.0):
            raise InputError(f"ready_s {self.ready_s} and answer_s {self.answer_s} must be positive.")

    @property
    def rest_s(self) -> float:
        """Longest time that a body takes to come to rest."""
        safety = self.process.safety
        return safety.stop_hold_s + safety.crouch_s + self.answer_s


class _Pending(NamedTuple):
    """An order that the body may not have carried out yet."""

    number: int
    event: Event
    why: str


class BodyJobs(NamedTuple):
    """What the two processes of a body do.

    Attributes:
        body: job of the process that moves the robot; called with its leash, `arguments`, a `BodyProcessConfig`,
            `BodyLines` and a `HeldLife`.
        arguments: of the body's job.
        guard: job of the process that acts when that one is gone; called with its leash, `guard_arguments`, a
            `GuardConfig` and `Guarded`.
        guard_arguments: of the guard's job.
        afterwards: what the guard does then, in words.
    """

    body: Job
    arguments: tuple[Any, ...]
    guard: Job
    guard_arguments: tuple[Any, ...]
    afterwards: str = "the guard brakes"


class ProcessBody:
    """A body in two processes; implements `hlm.core.body.Body` on `hlm.core.clock.MonotonicClock`.

    One process moves the robot on an absolute grid; a second one, the guard, does nothing until the first one dies.
    Nothing here waits for either, except entering, `reset` and leaving. When this process is gone, the body stops,
    crouches and damps by itself.

    Args:
        jobs: what the processes do.
        config: of the processes.
    """

    def __init__(self, jobs: BodyJobs, config: RealtimeBodyConfig | None = None) -> None:
        self._jobs = jobs
        self._config = RealtimeBodyConfig() if config is None else config
        self._clock: Clock = MonotonicClock()
        self._lines = _make_lines()
        self._leaving = ExitStack()
        self._body: ChildProcess | None = None
        self._guard: ChildProcess | None = None
        self._pending: list[_Pending] = []
        self._stopped = False
        self._pushed_ns: int | None = None
        self._reported = 0
        self.notes: tuple[str, ...] = ()
        """What the system refused to the body's process, see `hlm.core.realtime.be_on_time`."""

    @property
    def status(self) -> BodyStatus:
        """What it is doing, as far as it has said, and what it was told to do since."""
        record = self._lines.reports.newest()
        if record is None:
            return BodyStatus(BodyState.DISARMED, "the body was not reset yet")
        report = report_from_record(record)
        if self._body is not None and not report.status.braking and not self._body.alive and not record["ended"]:
            alone = self._guard is not None and not self._guard.alive
            then = _ALONE if alone else self._jobs.afterwards
            return BodyStatus(BodyState.FAULT, _together(report.status.fault, f"{self._body.death()}; {then}"))
        status = report.status
        self._pending = [pending for pending in self._pending if pending.number > report.orders]
        for pending in self._pending:
            state = next_state(status.state, pending.event)
            if state is not status.state:
                status = BodyStatus(state, _together(status.fault, pending.why))
        return status

    @property
    def report(self) -> BodyReport | None:
        """The newest control step; None before the first."""
        record = self._lines.reports.newest()
        return None if record is None else report_from_record(record)

    def reports(self) -> list[BodyReport]:
        """The control steps since the last call, as far as they are kept (about ten seconds)."""
        batch = self._lines.reports.since(self._reported)
        self._reported = batch.next_index
        return [report_from_record(record) for record in batch.records]

    @property
    def pids(self) -> tuple[int | None, int | None]:
        """Process ids of the body and the guard."""
        body, guard = self._body, self._guard
        return None if body is None else body.pid, None if guard is None else guard.pid

    def __enter__(self) -> Self:
        """Start both processes and connect; the motors are not touched before `reset`.

        Raises:
            HlmError: the robot cannot be reached.
            WorkerDiedError: a process died or was not ready in time.
        """
        self._lines = _make_lines()
        self._pending, self._stopped, self._pushed_ns, self._reported = [], False, None, 0
        with ExitStack() as stack:
            # The guard ends after the body, whose death it would answer.
            stack.callback(self._end_guard)
            stack.callback(self._end_body)
            with closing(Lifeline.new()) as life, single_threaded():
                jobs, config = self._jobs, self._config
                self._body = ChildProcess(
                    "body", jobs.body, *jobs.arguments, config.process, self._lines, life.held
                ).start()
                guarded = Guarded(self._body.pid or 0, life.watched, self._lines)
                self._guard = ChildProcess("guard", jobs.guard, *jobs.guard_arguments, config.guard, guarded).start()
            self.notes = self._body.wait_ready(config.ready_s)
            self._guard.wait_ready(config.ready_s)
            self._leaving = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let it come to rest: hold, crouch, damp; an interrupt meanwhile damps at once. Then end both processes."""
        why = "the session has ended" if kind is None else f"the session was ended by {kind.__name__}"
        with self._leaving:
            try:
                self._come_to_rest(why)
            except BaseException:
                self._order(Order.DAMP, why)  # a second Ctrl+C
                self._wait(lambda: self.status.braking, self._config.answer_s)
                raise

    def reset(self) -> None:
        """Arm: follow references from the pose measured now; clears a fault, or finds the next. Waits until it has.

        Raises:
            WorkerDiedError: the body's process does not answer.
        """
        self._arm(Order.ARM)

    def hang(self) -> None:
        """Arm a robot that hangs from a crane: it follows references once its feet carry it. Waits until it has begun.

        Raises:
            WorkerDiedError: the body's process does not answer.
        """
        self._arm(Order.HANG)

    def _arm(self, order: Order) -> None:
        if self._body is None or not self._body.alive:
            return
        number = self._order(order, "")
        self._pending, self._stopped, self._pushed_ns = [], False, None
        if not self._wait(lambda: self._carried_out(number), self._config.answer_s):
            raise WorkerDiedError(f"{self._body.death()}.")

    def read(self) -> RobotState:
        """The newest measurement, at most one control step older than the robot's.

        Raises:
            InputError: nothing was ever measured.
        """
        record = self._lines.reports.newest()
        state = None if record is None else measurement_of(record)
        if state is None:
            raise InputError(f"there is no measurement of the robot: {self.status.fault}.")
        return state

    def push(self, reference: Reference) -> None:
        """Add the next reference; one that is not finite, or out of order, holds the body."""
        if not self.status.tracking:
            return
        if fault := reference_fault(reference.vector):
            self.hold(fault)
        elif self._pushed_ns is not None and reference.stamp_ns <= self._pushed_ns:
            self.hold(f"references must come in order: {reference.stamp_ns} ns after {self._pushed_ns} ns")
        elif self._guard is not None and not self._guard.alive:
            self.hold(f"{self._guard.death()}, so nothing would brake the robot if its body died")
        else:
            self._pushed_ns = reference.stamp_ns
            self._lines.references.append(to_record(reference))

    def advance(self, until_ns: int) -> None:
        """Wait until `until_ns`; the body moves by itself."""
        self._clock.wait_until(until_ns)

    def hold(self, fault: str) -> None:
        """Stop following references and keep balance."""
        self._order(Order.HOLD, fault)

    def stop(self, fault: str) -> None:
        """Hold for a moment, crouch, and damp; a second stop damps at once."""
        self._order(Order.STOP, fault)

    def damp(self, fault: str) -> None:
        """Only brake from now on."""
        self._order(Order.DAMP, fault)

    def _order(self, order: Order, why: str) -> int:
        """Tell the body; the number that its reports count to when it has been carried out."""
        number = self._lines.orders.append(order_record(order, self._lines.references.written, why)) + 1
        event = _EVENTS.get(order)
        if order is Order.STOP:
            event, self._stopped = Event.STOP_AGAIN if self._stopped else Event.STOP, True
        if event is not None:
            self._pending.append(_Pending(number, event, why))
        return number

    def _carried_out(self, number: int) -> bool:
        record = self._lines.reports.newest()
        return record is not None and int(record["orders"]) >= number

    def _come_to_rest(self, why: str) -> None:
        if self.status.state is BodyState.DISARMED:
            return
        if not self._stopped:
            self._order(Order.STOP, why)
        self._wait(lambda: self.status.braking, self._config.rest_s)

    def _wait(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Wait for a condition while the body lives; whether it came about."""
        until_ns = self._clock.now_ns() + round(timeout_s * NS_PER_S)
        while not condition():
            if self._clock.now_ns() > until_ns or self._body is None or not self._body.alive:
                return condition()
            self._clock.wait_until(self._clock.now_ns() + _LOOK_NS)
        return True

    def _end_body(self) -> None:
        """End the body's process; when it has not come to rest by itself, killing it makes the guard brake."""
        if self._body is not None:
            self._body.stop(self._config.rest_s)

    def _end_guard(self) -> None:
        if self._guard is not None:
            self._guard.stop(self._config.rest_s)
            self._guard = None


def _make_lines() -> BodyLines:
    references = SharedRing(dtype_of(Reference), slots=64)
    return BodyLines(SharedRing(ORDER, slots=64), references, SharedRing(REPORT, slots=1024))


def _together(*reasons: str) -> str:
    return "; then ".join(filter(None, reasons))
