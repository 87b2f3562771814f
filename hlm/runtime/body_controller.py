"""What a body does with each measurement, wherever it runs: the tracker behind the safety, and nothing of processes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import numpy as np

from hlm.control.model import BodyModel
from hlm.core.arrays import FloatArray
from hlm.core.body import BodyState, BodyStatus
from hlm.core.clock import NS_PER_S
from hlm.core.embodiment import Embodiment
from hlm.core.errors import HlmError
from hlm.core.protocols import Tracker
from hlm.core.values import JointCommand, Reference, RobotState
from hlm.runtime.safety.braking import damping_command
from hlm.runtime.safety.checks import command_fault, reference_fault, state_fault
from hlm.runtime.safety.command_limits import CommandLimits
from hlm.runtime.safety.config import SafetyConfig
from hlm.runtime.safety.own_motion import OwnMotion
from hlm.runtime.safety.reference_limits import ReferenceLimits
from hlm.runtime.safety.repeated_state import RepeatWatch
from hlm.runtime.safety.transitions import Event, next_state
from hlm.runtime.safety.watch import StateWatch

_LOG = logging.getLogger(__name__)


class BodyController:
    """The only way to a robot's joints: references and measurements in, joint commands that may be sent out.

    It has no clock, no robot and no process: `LockstepBody` runs it in the caller's thread on a clock that waits, and a
    body in real time in a process of its own. `hlm.runtime.safety.transitions` says what leads from which state to
    which; whatever leaves the followed references behind is latched until a person resets.

    Args:
        tracker: turns references and measurements into joint commands.
        embodiment: the robot's table.
        config: times of the states.
        dry_run: go through everything, but command at most braking; `wanted` says what would have been sent.
    """

    def __init__(
        self, tracker: Tracker, embodiment: Embodiment, config: SafetyConfig | None = None, *, dry_run: bool = False
    ) -> None:
        self._tracker = tracker
        self._embodiment = embodiment
        self._config = SafetyConfig() if config is None else config
        self._dry_run = dry_run
        model = BodyModel(embodiment)
        self._limits = CommandLimits(model, self._config.commands)
        self._own = OwnMotion(model)
        self._reference_limits = ReferenceLimits(embodiment)
        self._watch = StateWatch(embodiment, self._config.watch)
        self._repeats = RepeatWatch(self._config.max_state_age_s)
        self._status = BodyStatus(BodyState.DISARMED, "the body was not reset yet")
        self._state: RobotState | None = None
        self._wanted: JointCommand | None = None
        self._gripper_opening: FloatArray = np.ones(2)
        self._commanded_rad: FloatArray | None = None
        self._stepped_ns = self._entered_ns = self._referenced_ns = 0
        self._referenced = self._stopped = False
        self._hold_s = self._config.hold_s

    @property
    def status(self) -> BodyStatus:
        """What the body is doing, and why when that is not following references."""
        return self._status

    @property
    def state(self) -> RobotState | None:
        """The newest measurement that was one."""
        return self._state

    @property
    def wanted(self) -> JointCommand | None:
        """The newest command, sent or, in a dry run, not."""
        return self._wanted

    @property
    def limited(self) -> Mapping[str, int]:
        """Commands since the reset that each limit has changed, by the limit's name."""
        return self._limits.counts

    def reset(self, measure: Callable[[], RobotState], now_ns: int) -> None:
        """Arm: follow references from the pose measured now; clears a fault, or finds the next.

        Nothing that was pushed before is followed, and nothing in between is another state.
        """
        self._status = BodyStatus(next_state(self._status.state, Event.ARM))
        self._commanded_rad = None
        self._referenced = self._stopped = False
        self._stepped_ns = self._entered_ns = self._referenced_ns = now_ns
        self._repeats.reset()
        state = self._measured(measure, now_ns)
        if state is None:
            return
        self._watch.reset()
        self._limits.reset(state)
        self._own.reset(state)
        try:
            self._tracker.reset(state)
        except Exception as error:  # noqa: BLE001 - a bug must not leave the last torque on the motors
            self._happen(Event.BROKEN, f"the tracker cannot start: {reason(error)}")

    def push(self, reference: Reference) -> None:
        """Add the next reference; one that is not finite, or out of order, holds the body.

        Whoever pushes limits ranges and speeds; what is out of range all the same is brought inside.
        """
        if not self._status.tracking:
            return
        if fault := reference_fault(reference.vector):
            self._happen(Event.BAD_REFERENCE, fault)
            return
        if (inside := self._reference_limits.inside(reference.vector)) is not reference.vector:
            reference = Reference(reference.stamp_ns, inside)
        try:
            self._tracker.push(reference)
        except HlmError as error:
            self._happen(Event.BAD_REFERENCE, str(error))
        except Exception as error:  # noqa: BLE001 - a bug must not leave the last torque on the motors
            _LOG.exception("the tracker failed")
            self._happen(Event.BROKEN, f"the tracker failed: {reason(error)}")
        else:
            self._referenced, self._referenced_ns = True, self._stepped_ns
            self._own.follow(reference)

    def hold(self, fault: str) -> None:
        """Stop following references and keep balance; a worse state stays as it is."""
        self._happen(Event.HOLD, fault)

    def stop(self, fault: str) -> None:
        """Hold for a moment, crouch, and damp; a second stop damps at once."""
        event, self._stopped = Event.STOP_AGAIN if self._stopped else Event.STOP, True
        self._happen(event, fault)

    def crouch(self, fault: str) -> None:
        """Sink slowly in balance, then damp."""
        self._happen(Event.CROUCH, fault)

    def damp(self, fault: str) -> None:
        """Only brake from now on; what was wrong before stays in the reason."""
        self._happen(Event.DAMP, fault)

    def fail(self, fault: str) -> None:
        """Only brake from now on, because the robot does not work."""
        self._happen(Event.BROKEN, fault)

    def step(self, measure: Callable[[], RobotState], now_ns: int) -> JointCommand | None:
        """The command for now: the tracker's if it may be sent, else the one that brakes; none before a reset.

        Args:
            measure: gives the newest measurement; whatever it raises is a fault.
            now_ns: instant of the step.
        """
        if self._status.state is BodyState.DISARMED:
            return None
        gap_s, self._stepped_ns = (now_ns - self._stepped_ns) / NS_PER_S, now_ns
        if gap_s > self._config.max_gap_s:
            limit_s = self._config.max_gap_s
            self._happen(Event.STARVED, f"the body was not advanced for {gap_s:.3f} s, more than {limit_s} s")
        if gap_s < 0.0:
            self.fail(f"the body's clock went back by {-gap_s:.3f} s")
        self._let_time_pass(now_ns)
        self._wanted = self._command(measure, now_ns)
        return self.braking(now_ns) if self._dry_run else self._wanted

    def braking(self, now_ns: int) -> JointCommand:
        """The command that only brakes; grippers keep what they hold."""
        return damping_command(self._embodiment, now_ns, self._gripper_opening)

    def _command(self, measure: Callable[[], RobotState], now_ns: int) -> JointCommand:
        """What should be sent now."""
        state = None if self._status.braking else self._measured(measure, now_ns)
        if state is not None and (found := self._watch.look(state, self._loaded_rad)):
            self._happen(*found)
        if state is None or self._status.braking:
            return self.braking(now_ns)
        try:
            self._move_by_itself(state, now_ns)
            command = self._tracker.step(state)
        except Exception as error:  # noqa: BLE001 - a bug must not leave the last torque on the motors
            _LOG.exception("the body's control step failed")
            self.fail(f"the control step failed: {reason(error)}")
            return self.braking(now_ns)
        if fault := command_fault(command):
            self.fail(fault)
            return self.braking(now_ns)
        ramp = 1.0
        if self._status.state is BodyState.ARMING:
            ramp = (now_ns - self._entered_ns) / NS_PER_S / self._config.arming_s
        command = self._limits.limited(command, state, ramp)
        self._commanded_rad = command.joint_position_rad
        self._gripper_opening = command.gripper_opening
        return command

    @property
    def _loaded_rad(self) -> FloatArray | None:
        """[joint] what legs were commanded that should carry the robot; the end of a crouch rests on its calves."""
        return None if self._status.state is BodyState.CROUCHING else self._commanded_rad

    def _move_by_itself(self, state: RobotState, now_ns: int) -> None:
        """Give the tracker the body's own references where it follows no others."""
        if not self._status.tracking and (reference := self._own.reference(state, now_ns)):
            self._tracker.push(reference)

    def _let_time_pass(self, now_ns: int) -> None:
        """What happens because enough time has passed."""
        config, state = self._config, self._status.state
        in_state_s = (now_ns - self._entered_ns) / NS_PER_S
        if state is BodyState.ARMING and in_state_s >= config.arming_s:
            self._happen(Event.RAMPED)
        elif state is BodyState.HOLDING and in_state_s >= self._hold_s:
            self._happen(Event.HELD)
        elif state is BodyState.CROUCHING and (in_state_s >= config.crouch_s or self._own.crouched(now_ns)):
            self._happen(Event.CROUCHED)
        age_s = (now_ns - self._referenced_ns) / NS_PER_S
        limit_s = config.max_reference_age_s if self._referenced else config.first_reference_s
        if age_s > limit_s:
            self._happen(Event.NO_REFERENCE, f"no reference has come for {age_s:.3f} s, more than {limit_s} s")

    def _happen(self, event: Event, why: str = "") -> None:
        """Go where the table of transitions leads; reasons add up, and a row that is not there changes nothing."""
        state = next_state(self._status.state, event)
        if state is self._status.state:
            return
        self._status = BodyStatus(state, "; then ".join(filter(None, (self._status.fault, why))))
        self._entered_ns = self._stepped_ns
        if state is BodyState.CROUCHING:
            self._own.crouch(self._stepped_ns)
        if state is BodyState.HOLDING:
            self._own.hold(self._stepped_ns)
            self._hold_s = self._config.stop_hold_s if event is Event.STOP else self._config.hold_s

    def observe(self, measure: Callable[[], RobotState]) -> RobotState | None:
        """A measurement whose numbers are some; None, and a fault, when there is none."""
        try:
            state = measure()
        except Exception as error:  # noqa: BLE001 - a driver may raise anything
            self.fail(f"the robot cannot be read: {reason(error)}")
            return None
        if fault := state_fault(state):
            self.fail(fault)
            return None
        self._state = state
        return state

    def _measured(self, measure: Callable[[], RobotState], now_ns: int) -> RobotState | None:
        """A measurement that can be balanced on."""
        state = self.observe(measure)
        if state is None:
            return None
        age_s = (now_ns - state.stamp_ns) / NS_PER_S
        limit_s = self._config.max_state_age_s
        if abs(age_s) > limit_s:
            old = f"{age_s:.3f} s old" if age_s > 0.0 else f"{-age_s:.3f} s ahead of the clock"
            self.fail(f"the robot's measurement is {old}, more than {limit_s} s")
            return None
        if fault := self._repeats.fault(state):
            self.fail(fault)
            return None
        if self._commanded_rad is None and self._status.tracking:
            self._gripper_opening = state.gripper_opening
        return state


def reason(error: Exception) -> str:
    """An exception in words, for a fault."""
    return str(error) if isinstance(error, HlmError) else f"{type(error).__name__}: {error}"
