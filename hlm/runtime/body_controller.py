"""What a body does with each measurement, wherever it runs: the tracker behind the safety, and nothing of processes."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.body import BodyMode, BodyStatus
from hlm.core.clock import NS_PER_S
from hlm.core.embodiment import Embodiment
from hlm.core.errors import HlmError
from hlm.core.protocols import Tracker
from hlm.core.values import JointCommand, Reference, RobotState
from hlm.runtime.safety import command_fault, damping_command, reference_fault, state_fault

_LOG = logging.getLogger(__name__)


class BodyController:
    """The only way to a robot's joints: references and measurements in, joint commands that may be sent out.

    It has no clock, no robot and no process: `LockstepBody` runs it in the caller's thread on a clock that waits, and a
    body in real time in a process of its own. A fault of the robot or the tracker damps the motors; a fault of the
    references holds the body.

    Args:
        tracker: turns references and measurements into joint commands.
        embodiment: the robot's table.
        max_state_age_s: an older measurement damps the motors, because nothing can balance on it.
        max_gap_s: a longer time without a step damps the motors, because their command is too old.
    """

    def __init__(self, tracker: Tracker, embodiment: Embodiment, max_state_age_s: float, max_gap_s: float) -> None:
        self._tracker = tracker
        self._embodiment = embodiment
        self._max_state_age_s = max_state_age_s
        self._max_gap_s = max_gap_s
        self._status = BodyStatus(BodyMode.DAMPED, "the body was not reset yet")
        self._state: RobotState | None = None
        self._gripper_opening: FloatArray = np.ones(2)
        self._commanded = True
        self._stepped_ns = 0

    @property
    def status(self) -> BodyStatus:
        """What the body is doing, and why when that is not tracking."""
        return self._status

    @property
    def state(self) -> RobotState | None:
        """The newest measurement that was one."""
        return self._state

    def reset(self, measure: Callable[[], RobotState], now_ns: int) -> None:
        """Follow references from the pose measured now; clears a fault, or finds the next."""
        self._status = BodyStatus()
        self._commanded = False
        self._stepped_ns = now_ns
        state = self._measured(measure, now_ns)
        if state is None:
            return
        try:
            self._tracker.reset(state)
        except Exception as error:  # noqa: BLE001 - a bug must not leave the last torque on the motors
            self.damp(f"the tracker cannot start: {reason(error)}")

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
            self.damp(f"the tracker failed: {reason(error)}")

    def hold(self, fault: str) -> None:
        """Stop following references and keep balance; a worse state stays as it is."""
        if self._status.tracking:
            self._status = BodyStatus(BodyMode.HELD, fault)

    def damp(self, fault: str) -> None:
        """Only brake from now on; what was wrong before stays in the reason."""
        if self._status.mode is not BodyMode.DAMPED:
            self._status = BodyStatus(BodyMode.DAMPED, "; then ".join(filter(None, (self._status.fault, fault))))

    def step(self, measure: Callable[[], RobotState], now_ns: int) -> JointCommand:
        """The command for now: the tracker's if it may be sent, else the one that brakes.

        Args:
            measure: gives the newest measurement; whatever it raises damps the motors.
            now_ns: instant of the step.
        """
        gap_s, self._stepped_ns = (now_ns - self._stepped_ns) / NS_PER_S, now_ns
        if self._status.mode is not BodyMode.DAMPED and gap_s > self._max_gap_s:
            self.damp(f"the body was not advanced for {gap_s:.3f} s, more than {self._max_gap_s} s")
        if self._status.mode is BodyMode.DAMPED:
            return self.braking(now_ns)
        state = self._measured(measure, now_ns)
        if state is None:
            return self.braking(now_ns)
        try:
            command = self._tracker.step(state)
        except Exception as error:  # noqa: BLE001 - a bug must not leave the last torque on the motors
            _LOG.exception("the body's control step failed")
            self.damp(f"the control step failed: {reason(error)}")
            return self.braking(now_ns)
        if fault := command_fault(command):
            self.damp(fault)
            return self.braking(now_ns)
        self._commanded = True
        self._gripper_opening = command.gripper_opening
        return command

    def braking(self, now_ns: int) -> JointCommand:
        """The command that only brakes; grippers keep what they hold."""
        return damping_command(self._embodiment, now_ns, self._gripper_opening)

    def observe(self, measure: Callable[[], RobotState]) -> RobotState | None:
        """A measurement whose numbers are some; None, and the motors are to be damped, when there is none."""
        try:
            state = measure()
        except Exception as error:  # noqa: BLE001 - a driver may raise anything
            self.damp(f"the robot cannot be read: {reason(error)}")
            return None
        if fault := state_fault(state):
            self.damp(fault)
            return None
        self._state = state
        return state

    def _measured(self, measure: Callable[[], RobotState], now_ns: int) -> RobotState | None:
        """A measurement that can be balanced on."""
        state = self.observe(measure)
        if state is None:
            return None
        age_s = (now_ns - state.stamp_ns) / NS_PER_S
        if age_s > self._max_state_age_s:
            self.damp(f"the robot's measurement is {age_s:.3f} s old, more than {self._max_state_age_s} s")
            return None
        if not self._commanded:
            self._gripper_opening = state.gripper_opening
        return state


def reason(error: Exception) -> str:
    """An exception in words, for a fault."""
    return str(error) if isinstance(error, HlmError) else f"{type(error).__name__}: {error}"
