"""A tracker on a robot in the thread of the caller: time waits for it, so runs are deterministic."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.body import BodyMode, BodyStatus
from hlm.core.clock import NS_PER_S, Clock, due_ns, slot_at
from hlm.core.embodiment import Embodiment
from hlm.core.errors import HlmError, InputError
from hlm.core.protocols import Robot, Tracker
from hlm.core.values import Reference, RobotState
from hlm.runtime.safety import command_fault, damping_command, reference_fault, state_fault

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class LockstepConfig:
    """Timing of a lockstep body.

    Attributes:
        control_hz: tracker steps per second.
        max_state_age_s: an older measurement damps the motors, because nothing can balance on it.
        max_gap_s: a longer time without a control step damps the motors, because their command is too old.
    """

    control_hz: float = 100.0
    max_state_age_s: float = 0.1
    max_gap_s: float = 0.5

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("control_hz", "max_state_age_s", "max_gap_s"):
            if not getattr(self, name) > 0.0:
                raise InputError(f"{name} must be positive, got {getattr(self, name)}.")


class LockstepBody:
    """Implements `hlm.core.body.Body` for clocks that wait, such as a simulation's.

    The tracker runs on an absolute grid while `advance` waits, and only then: between two calls the motors keep their
    last command. So on a clock that does not wait, a robot needs a body in a process of its own.

    A fault of the robot or the tracker damps the motors; a fault of the references holds the body.

    Args:
        robot: entered and left with the body.
        tracker: turns references and measurements into joint commands.
        clock: the session's, which robot and references are stamped with.
        embodiment: the robot's table.
        config: timing.
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
        self._status = BodyStatus(BodyMode.DAMPED, "the body was not reset yet")
        self._state: RobotState | None = None
        self._gripper_opening: FloatArray = np.ones(2)
        self._took_over = False
        self._braking = False
        self._origin_ns = self._stepped_ns = 0
        self._slot = self._missed_slots = 0

    @property
    def status(self) -> BodyStatus:
        """What it is doing, and why when that is not tracking."""
        return self._status

    @property
    def missed_slots(self) -> int:
        """Slots of the control grid that slow callers have cost since the reset."""
        return self._missed_slots

    def __enter__(self) -> Self:
        """Connect to the robot and take over its motors."""
        self._robot.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Damp the motors and disconnect, even when damping fails or is interrupted."""
        self._fail("the session has ended" if kind is None else f"the session was ended by {kind.__name__}")
        try:
            self._brake()
        except BaseException:
            self._brake()  # a second Ctrl+C
            raise
        finally:
            self._robot.__exit__(kind, error, trace)

    def reset(self) -> None:
        """Follow references from the pose measured now; clears a fault, or finds the next."""
        self._status = BodyStatus()
        self._took_over = True
        self._braking = False
        self._missed_slots = 0
        self._origin_ns = self._stepped_ns = self._clock.now_ns()
        self._slot = 0
        state = self._measure()
        if state is None:
            return
        try:
            self._tracker.reset(state)
        except Exception as error:  # noqa: BLE001 - a bug must not leave the last torque on the motors
            self._damp(f"the tracker cannot start: {_reason(error)}")

    def read(self) -> RobotState:
        """The newest measurement; when the robot gives none, the last one, whose stamp says how old it is.

        Raises:
            InputError: nothing was ever measured.
        """
        self._read()
        if self._state is None:
            raise InputError(f"there is no measurement of the robot: {self._status.fault}.")
        return self._state

    def push(self, reference: Reference) -> None:
        """Add the next reference; one that is not finite, or out of order, holds the body."""
        if not self._status.tracking:
            return
        if fault := reference_fault(reference.vector):
            self.hold(fault)
            return
        try:
            self._tracker.push(reference)
        except HlmError as error:
            self.hold(str(error))
        except Exception as error:  # noqa: BLE001 - a bug must not leave the last torque on the motors
            _LOG.exception("the tracker failed")
            self._damp(f"the tracker failed: {_reason(error)}")

    def advance(self, until_ns: int) -> None:
        """Step the tracker at every slot of its grid before `until_ns`.

        A caller that comes late gets one step at once; the slots that it missed are skipped and counted.
        """
        while True:
            newest = slot_at(self._origin_ns, self._clock.now_ns(), self._config.control_hz)
            self._missed_slots += max(0, newest - self._slot)
            self._slot = max(self._slot, newest)
            slot_ns = due_ns(self._origin_ns, self._slot, self._config.control_hz)
            if slot_ns >= until_ns and slot_ns > self._clock.now_ns():
                return
            self._clock.wait_until(slot_ns)
            self._step()
            self._slot += 1

    def hold(self, fault: str) -> None:
        """Stop following references and keep balance."""
        if self._status.tracking:
            self._status = BodyStatus(BodyMode.HELD, fault)

    def _step(self) -> None:
        """Measure and command once; a damped body only makes sure that its motors brake."""
        if self._status.mode is BodyMode.DAMPED:
            if not self._braking:
                self._brake()
            return
        now_ns, gap_s = self._clock.now_ns(), (self._clock.now_ns() - self._stepped_ns) / NS_PER_S
        self._stepped_ns = now_ns
        if gap_s > self._config.max_gap_s:
            self._damp(f"the body was not advanced for {gap_s:.3f} s, more than {self._config.max_gap_s} s")
            return
        state = self._measure()
        if state is None:
            return
        try:
            command = self._tracker.step(state)
            if fault := command_fault(command):
                self._damp(fault)
                return
            self._robot.command(command)
            self._gripper_opening = command.gripper_opening
        except Exception as error:  # noqa: BLE001 - a bug must not leave the last torque on the motors
            _LOG.exception("the body's control step failed")
            self._damp(f"the control step failed: {_reason(error)}")

    def _measure(self) -> RobotState | None:
        """A measurement that can be balanced on; None, and the motors are damped, when there is none."""
        state = self._read()
        if state is None:
            return None
        if fault := self._stale(state):
            self._damp(fault)
            return None
        if self._slot == 0:  # nothing was commanded yet
            self._gripper_opening = state.gripper_opening
        return state

    def _read(self) -> RobotState | None:
        """A measurement whose numbers are some; None, and the motors are damped, when there is none."""
        try:
            state = self._robot.read()
        except Exception as error:  # noqa: BLE001 - a driver may raise anything
            self._damp(f"the robot cannot be read: {_reason(error)}")
            return None
        if fault := state_fault(state):
            self._damp(fault)
            return None
        self._state = state
        return state

    def _stale(self, state: RobotState) -> str:
        age_s = (self._clock.now_ns() - state.stamp_ns) / NS_PER_S
        limit_s = self._config.max_state_age_s
        return f"the robot's measurement is {age_s:.3f} s old, more than {limit_s} s" if age_s > limit_s else ""

    def _damp(self, fault: str) -> None:
        self._fail(fault)
        self._brake()

    def _fail(self, fault: str) -> None:
        """Be damped from now on; what was wrong before stays in the reason."""
        if self._status.mode is not BodyMode.DAMPED:
            self._status = BodyStatus(BodyMode.DAMPED, "; then ".join(filter(None, (self._status.fault, fault))))

    def _brake(self) -> None:
        """Send the braking command; grippers keep what they hold."""
        if not self._took_over:
            return
        try:
            self._robot.command(damping_command(self._embodiment, self._clock.now_ns(), self._gripper_opening))
            self._braking = True
        except Exception:  # noqa: BLE001 - tried again at the next step and on leaving
            _LOG.exception("the motors could not be damped")


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, HlmError) else f"{type(error).__name__}: {error}"
