"""What a body does with each measurement, wherever it runs: the tracker behind the safety, and nothing of processes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import numpy as np

from hlm.control.model import BodyModel
from hlm.core.arrays import FloatArray
from hlm.core.body import BodyState
from hlm.core.clock import NS_PER_S
from hlm.core.embodiment import Embodiment
from hlm.core.protocols import Refusing, Tracker
from hlm.core.values import JointCommand, Reference, RobotState
from hlm.runtime.safe_controller import SafeController, reason
from hlm.runtime.safety.braking import damping_command
from hlm.runtime.safety.checks import command_fault
from hlm.runtime.safety.command_limits import CommandLimits
from hlm.runtime.safety.config import SafetyConfig
from hlm.runtime.safety.hanging import Hanging
from hlm.runtime.safety.own_motion import OwnMotion
from hlm.runtime.safety.transitions import Event

_LOG = logging.getLogger(__name__)


class BodyController(SafeController[JointCommand]):
    """The only way to a robot's joints: references and measurements in, joint commands that may be sent out.

    `LockstepBody` runs it in the caller's thread on a clock that waits, and a body in real time in a process of its
    own.

    Args:
        tracker: turns references and measurements into joint commands.
        embodiment: the robot's table.
        config: times of the states.
        dry_run: go through everything, but command at most braking; `wanted` says what would have been sent.
    """

    def __init__(
        self, tracker: Tracker, embodiment: Embodiment, config: SafetyConfig | None = None, *, dry_run: bool = False
    ) -> None:
        super().__init__(embodiment, SafetyConfig() if config is None else config)
        self._tracker = tracker
        self._dry_run = dry_run
        model = BodyModel(embodiment)
        self._limits = CommandLimits(model, self._config.commands)
        self._own = OwnMotion(model)
        self._hanging = Hanging(model, self._config.carried_rad, self._config.carried_s)
        self._wanted: JointCommand | None = None
        self._gripper_opening: FloatArray = np.ones(2)
        self._commanded_rad: FloatArray | None = None
        self._armed_ns = 0
        self._refusal = ""

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
        self._commanded_rad, self._armed_ns = None, now_ns
        super().reset(measure, now_ns)

    def hang(self, measure: Callable[[], RobotState], now_ns: int) -> None:
        """Arm a robot that hangs: it takes a standing pose, and follows references once its feet carry it.

        One that is following some already goes on.
        """
        if not self._status.tracking:
            self._commanded_rad, self._armed_ns = None, now_ns
            self._arm(Event.HANG, measure, now_ns)

    def braking(self, now_ns: int) -> JointCommand:
        """The command that only brakes; grippers keep what they hold."""
        return damping_command(self._embodiment, now_ns, self._gripper_opening)

    def observe(self, measure: Callable[[], RobotState]) -> RobotState | None:
        """A measurement whose numbers are some; until something is commanded, its grippers are what braking keeps."""
        state = super().observe(measure)
        if state is not None and self._commanded_rad is None and not self._status.braking:
            self._gripper_opening = state.gripper_opening
        return state

    def _start(self, state: RobotState) -> None:
        self._limits.reset(state)
        self._refusal = ""
        if self._status.state is BodyState.HANGING:
            self._hanging.reset(state)
            return
        self._own.reset(state)
        try:
            self._tracker.reset(state)
        except Exception as error:  # noqa: BLE001 - a bug must not leave the last torque on the motors
            self._happen(Event.BROKEN, f"the tracker cannot start: {reason(error)}")

    def _follow(self, reference: Reference) -> None:
        self._tracker.push(reference)
        self._own.follow(reference)

    def _command(self, measure: Callable[[], RobotState], now_ns: int) -> JointCommand:
        self._wanted = self._next(measure, now_ns)
        return self.braking(now_ns) if self._dry_run else self._wanted

    def _next(self, measure: Callable[[], RobotState], now_ns: int) -> JointCommand:
        """What should be sent now."""
        state = self._watched(measure, now_ns, self._loaded_rad)
        if state is None:
            return self.braking(now_ns)
        if self._status.state is BodyState.HANGING and self._hanging.carried(state):
            self._commanded_rad, self._armed_ns = None, now_ns
            self._arm(Event.CARRIED, lambda: state, now_ns)
            if self._status.braking:
                return self.braking(now_ns)
        ramp = (now_ns - self._armed_ns) / NS_PER_S / self._config.arming_s  # also while a stop answers the arming
        try:
            command = self._moved(state, now_ns)
            if fault := command_fault(command):
                self.fail(fault)
                return self.braking(now_ns)
            command = self._limits.limited(command, state, ramp)
        except Exception as error:  # noqa: BLE001 - a bug must not leave the last torque on the motors
            _LOG.exception("the body's control step failed")
            self.fail(f"the control step failed: {reason(error)}")
            return self.braking(now_ns)
        self._commanded_rad = command.joint_position_rad
        self._gripper_opening = command.gripper_opening
        return command

    @property
    def _loaded_rad(self) -> FloatArray | None:
        """[joint] what legs were commanded that should carry the robot; the end of a crouch rests on its calves."""
        unsent = self._dry_run or self._status.state in (BodyState.CROUCHING, BodyState.HANGING)
        return None if unsent else self._commanded_rad

    def _moved(self, state: RobotState, now_ns: int) -> JointCommand:
        """What moves the body now; the tracker gets the body's own references where it follows no others."""
        if self._status.state is BodyState.HANGING:
            return self._hanging.command(state, now_ns)
        if not self._status.tracking and (reference := self._own.reference(state, now_ns)):
            self._tracker.push(reference)
        command = self._tracker.step(state)
        if isinstance(self._tracker, Refusing) and self._tracker.refusal != self._refusal:
            self._tell_of(self._tracker.refusal)
        return command

    def _own_from_here(self) -> None:
        """Let the body's own motion start at the measured pose where the last reference was not followed."""
        if self._refusal and self._state is not None:
            self._own.reset(self._state)

    def _tell_of(self, refusal: str) -> None:
        """Say that the tracker holds a pose instead of the reference, or that it follows again."""
        if not self._refusal:
            _LOG.warning("not followed, the last pose on both feet is held: %s", refusal)
        elif not refusal:
            _LOG.warning("the reference is followed again")
        self._refusal = refusal

    def _crouched(self, now_ns: int) -> bool:
        return not self._refusal and self._own.crouched(now_ns)

    def _begin_crouch(self) -> None:
        self._own_from_here()
        self._own.crouch(self._stepped_ns)

    def _begin_hold(self) -> None:
        self._own_from_here()
        self._own.hold(self._stepped_ns)
