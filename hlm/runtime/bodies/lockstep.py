"""A tracker on a robot in the thread of the caller: time waits for it, so runs are deterministic."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from hlm.core.body import BodyMode, BodyStatus
from hlm.core.clock import NS_PER_S, Clock, due_ns, slot_at
from hlm.core.embodiment import Embodiment
from hlm.core.errors import HlmError, InputError
from hlm.core.protocols import Robot, Tracker
from hlm.core.values import JointCommand, Reference, RobotState
from hlm.runtime.safety import command_fault, damping_command, reference_fault, state_fault

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class LockstepConfig:
    """Rates of a lockstep body.

    Attributes:
        control_hz: tracker steps per second.
        stale_s: a measurement older than this damps the motors, because nothing can balance on it.
    """

    control_hz: float = 100.0
    stale_s: float = 0.1

    def __post_init__(self) -> None:
        """Check ranges."""
        if not (self.control_hz > 0.0 and self.stale_s > 0.0):
            raise InputError(f"control_hz {self.control_hz} and stale_s {self.stale_s} must be positive.")


class LockstepBody:
    """Implements `hlm.core.body.Body`.

    The tracker runs on an absolute grid while `advance` waits; slots that a slow caller missed are skipped, never made
    up for in a burst. A fault of the robot or the tracker damps the motors; a fault of the references holds the body.

    Args:
        robot: entered and left with the body.
        tracker: turns references and measurements into joint commands.
        clock: the session's, which robot and references are stamped with.
        embodiment: the robot's table.
        config: rates.
    """

    def __init__(
        self,
        robot: Robot,
        tracker: Tracker,
        clock: Clock,
        embodiment: Embodiment,
        config: LockstepConfig | None = None,
    ) -> None:
        self._robot = robot
        self._tracker = tracker
        self._clock = clock
        self._embodiment = embodiment
        self._config = LockstepConfig() if config is None else config
        self._status = BodyStatus()
        self._state: RobotState | None = None
        self._last_command: JointCommand | None = None
        self._origin_ns = 0
        self._slot = 0

    @property
    def status(self) -> BodyStatus:
        """What it is doing, and why when that is not tracking."""
        return self._status

    def __enter__(self) -> Self:
        """Connect to the robot and take over its motors."""
        self._robot.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Damp the motors and disconnect, also when damping fails."""
        with ExitStack() as stack:
            stack.push(self._robot)
            self._damp("the session has ended")

    def reset(self) -> None:
        """Follow references from the pose measured now; clears a fault.

        Raises:
            HlmError: the robot cannot be read.
        """
        state = self._robot.read()
        self._state = state
        self._last_command = None
        self._tracker.reset(state)
        self._status = BodyStatus()
        self._origin_ns = self._clock.now_ns()
        self._slot = 0

    def read(self) -> RobotState:
        """The newest measurement; when the robot stops answering, the last one, whose stamp says how old it is."""
        if self._status.mode is not BodyMode.DAMPED:
            try:
                self._state = self._robot.read()
            except Exception as error:  # noqa: BLE001 - a driver may raise anything, and the motors must not keep a torque
                self._damp(f"the robot cannot be read: {_reason(error)}")
        if self._state is None:
            raise InputError("the body was read before it was reset.")
        return self._state

    def push(self, reference: Reference) -> None:
        """Take the next reference; one that is not finite, or out of order, holds the body."""
        if not self._status.tracking:
            return
        if fault := reference_fault(reference.vector):
            self.hold(fault)
            return
        try:
            self._tracker.push(reference)
        except HlmError as error:
            self.hold(str(error))

    def advance(self, until_ns: int) -> None:
        """Step the tracker at every slot of its grid before `until_ns`."""
        while self._status.mode is not BodyMode.DAMPED:
            newest = slot_at(self._origin_ns, self._clock.now_ns(), self._config.control_hz)
            self._slot = max(self._slot, newest)
            slot_ns = due_ns(self._origin_ns, self._slot, self._config.control_hz)
            if slot_ns >= until_ns:
                return
            self._clock.wait_until(slot_ns)
            self._step()
            self._slot += 1
        self._clock.wait_until(until_ns)

    def hold(self, fault: str) -> None:
        """Stop following references and keep balance."""
        if self._status.tracking:
            self._status = BodyStatus(BodyMode.HELD, fault)

    def _step(self) -> None:
        """Measure and command once."""
        state = self.read()
        if fault := self._stale(state) or state_fault(state):
            self._damp(fault)
        if self._status.mode is BodyMode.DAMPED:
            return
        try:
            command = self._tracker.step(state)
            if fault := command_fault(command):
                self._damp(fault)
                return
            self._robot.command(command)
            self._last_command = command
        except Exception as error:  # noqa: BLE001 - a bug must not leave the last torque on the motors
            _LOG.exception("the body's control step failed")
            self._damp(f"the control step failed: {_reason(error)}")

    def _stale(self, state: RobotState) -> str:
        age_s = (self._clock.now_ns() - state.stamp_ns) / NS_PER_S
        limit_s = self._config.stale_s
        return f"the robot's measurement is {age_s:.3f} s old, more than {limit_s} s" if age_s > limit_s else ""

    def _damp(self, fault: str) -> None:
        """Brake all motors; grippers keep what they hold."""
        if self._status.mode is BodyMode.DAMPED:
            return
        self._status = BodyStatus(BodyMode.DAMPED, "; then ".join(filter(None, (self._status.fault, fault))))
        last = self._last_command or self._state
        if last is None:  # never reset, so nothing was ever commanded
            return
        try:
            command = damping_command(self._embodiment, self._clock.now_ns(), last.gripper_opening)
            self._robot.command(command)
        except Exception:  # noqa: BLE001 - the robot's own watchdog is all that is left
            _LOG.exception("the motors could not be damped")


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, HlmError) else f"{type(error).__name__}: {error}"
