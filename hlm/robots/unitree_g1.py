"""The Unitree G1 over DDS."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from types import FrameType, TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from hlm.core.clock import NS_PER_S, Clock, MonotonicClock
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError, LostError, TrackingError
from hlm.core.layout import JOINTS, MOTOR_ORDER
from hlm.core.values import JointCommand, RobotState
from hlm.robots.changingtek import ChangingTekGrippers, GripperAddresses
from hlm.robots.dds.topics import Topics
from hlm.robots.grippers import Grippers, NoGrippers
from hlm.robots.unitree_link import DdsAddress, binding, open_link
from hlm.robots.unitree_measurements import UnitreeMeasurements
from hlm.robots.unitree_motion_switcher import MotionSwitcher
from hlm.robots.unitree_remote import stop_in
from hlm.robots.unitree_state import NO_VOLTAGE, alike, commands_something, fill_command

_TWIN_COMMAND = "hlm twin"
_POLL_NS = 5_000_000
# The writer repeats the last command every 2 ms: this many reach the robot even if some are lost.
_BRAKING_S = 0.06
_LISTEN_S = 0.1
# How long a robot's own controller may take to let go, and how soon its switcher is found.
_RELEASE_S, _FIND_S = 10.0, 1.0
_LEAST_GAIN_SHARE = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitreeG1Config:
    """How to reach a G1, and how to take it over.

    Attributes:
        interface: network interface towards the robot, as `hlm.robots.unitree_link.DdsAddress` reads it.
        start: `standing`: it stands, and is taken over at full gains from the measured pose; `hanging`: it hangs, its
            own controller is made to release the motors, and gains and torques rise from a tenth to all in `ramp_s`.
        ramp_s: see `start`.
        timeout_s: how long to wait for the first measurement.
        max_temperature_c: a hotter motor is not taken over; SONIC's robots warn at 90.
        grippers: where the grippers are; None for a robot without.
        shared: whether it may be connected to while another process commands it, for who only listens.
    """

    interface: str
    start: Literal["standing", "hanging"] = "standing"
    ramp_s: float = 3.0
    timeout_s: float = 5.0
    max_temperature_c: float = 80.0
    grippers: GripperAddresses | None = field(default_factory=GripperAddresses)
    shared: bool = False

    def __post_init__(self) -> None:
        """Check ranges."""
        if not (self.ramp_s > 0.0 and self.timeout_s > 0.0):
            raise InputError(f"ramp and time-out must be > 0 s, got {self.ramp_s} and {self.timeout_s}.")


class UnitreeG1:
    """A G1 on the network; implements `hlm.core.protocols.Robot`.

    Entering connects, waits for a measurement and checks it; nothing is published. The first command takes the motors
    over; from then on a thread of the binding repeats the newest command at 500 Hz. Leaving, also by an exception or by
    SIGTERM, lets the motors brake. A process that is killed cannot do that: a second link in another process, entered
    and idle, can take its place.

    For what is measured, and its stamps, see `hlm.robots.unitree_measurements`.

    Args:
        config: how to reach it.
        clock: the session's clock; `MonotonicClock` by default.
    """

    def __init__(self, config: UnitreeG1Config, clock: Clock | None = None) -> None:
        self._config = config
        self._address = DdsAddress.parse(config.interface)
        self._clock = clock or MonotonicClock()
        self._stack = ExitStack()
        self._grippers: Grippers = (
            NoGrippers() if config.grippers is None else ChangingTekGrippers(config.grippers, self._clock)
        )
        self._link: Any = None
        self._measurements: UnitreeMeasurements | None = None
        self._switcher: MotionSwitcher | None = None
        self._message: Any = None
        self._last: Any = None
        self._state: RobotState | None = None
        self._mode_machine = 0
        self._taken_over_ns: int | None = None

    def __enter__(self) -> Self:
        """Connect, and check that this robot may be taken over.

        Raises:
            LostError: no measurement arrives, or none from the grippers; its own controller does not release it.
            InputError: the robot is too hot, not ready, or under another controller.
            MissingDependencyError: Unitree's binding is missing.
        """
        grippers = self._config.grippers
        here, there = f"'{self._address}'", "" if grippers is None else f" at {grippers.state}"
        with ExitStack() as stack:
            stack.enter_context(self._grippers)
            self._link = open_link(self._address)
            topics = Topics()
            stack.callback(topics.close)
            stack.callback(self._disconnect)
            self._message, self._taken_over_ns = binding().MotorCommand(JOINTS), None
            self._measurements = measurements = UnitreeMeasurements(topics, self._clock)
            self._switcher = MotionSwitcher(topics, self._clock)
            opening = self._grippers.read()[0]
            self._wait_for(
                lambda: measurements.hear(opening) is not None, f"no measurement of a robot arrives on {here}"
            )
            self._wait_for(lambda: self._grippers.read()[1] >= 0, f"the grippers{there} do not say where they are")
            self._check()
            stack.enter_context(_SigtermLeaves())
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the motors brake if they were taken over, and disconnect."""
        self._stack.close()

    def read(self) -> RobotState:
        """The newest measurement; after leaving, the last one.

        Raises:
            LostError: it was never entered.
            TrackingError: the robot's machine mode has changed: its firmware has reconfigured the motors.
        """
        if self._measurements is not None:
            self._state = self._measurements.hear(self._grippers.read()[0])
            if (mode := self._measurements.mode_machine) != self._mode_machine:
                raise TrackingError(f"the robot's machine mode has changed from {self._mode_machine} to {mode}.")
        if self._state is None:
            raise LostError("the robot was not connected yet.")
        return self._state

    def command(self, command: JointCommand) -> None:
        """Send a command to the motors; it is repeated until the next one.

        Raises:
            InputError: the first command is stiff, but another process commands this robot.
        """
        if self._taken_over_ns is None:
            self._take_over(command)
        fill_command(self._message, self._ramped(command))
        self._link.write_low_command(self._message)
        self._grippers.command(command.gripper_opening)

    def operator_stop(self) -> str:
        """Which stop of the wireless remote is pressed, in words; empty when none is."""
        return "" if self._link is None else stop_in(self._link.read_wireless_controller().keys)

    def _wait_for(self, there: Callable[[], bool], what: str) -> None:
        start_ns = self._clock.now_ns()
        while not there():
            if (self._clock.now_ns() - start_ns) / NS_PER_S > self._config.timeout_s:
                here = self._address.interface == "lo"
                twin = f"{_TWIN_COMMAND} --interface {self._address}"
                raise LostError(
                    f"{what} within {self._config.timeout_s:g} s. "
                    + (f"Start the twin: {twin}" if here else f"Is it on and connected? A twin: {_TWIN_COMMAND}")
                )
            self._clock.wait_until(self._clock.now_ns() + _POLL_NS)

    def _check(self) -> None:
        """Refuse a robot that must not be taken over, and make its own controller release one that hangs."""
        self._mode_machine = 0 if self._measurements is None else self._measurements.mode_machine
        if not self._mode_machine:
            raise InputError("the robot's machine mode is 0: its firmware is not ready; wait, or start it again.")
        self._clock.wait_until(self._clock.now_ns() + round(_LISTEN_S * NS_PER_S))
        state = self.read()
        limit_c = self._config.max_temperature_c
        if hot := _named(state.motor_temperature_c > limit_c):
            raise InputError(f"motors are hotter than {limit_c:g} C: {hot}. Let the robot cool down.")
        if dead := _named(state.motor_fault == NO_VOLTAGE):
            raise InputError(f"motors report no supply voltage: {dead}. Start the robot again.")
        if faulty := _named(state.motor_fault > 0.0):
            codes = ", ".join(f"{code:g}" for code in state.motor_fault[state.motor_fault > 0.0][:3])
            raise InputError(f"motors report faults: {faulty} (codes {codes}). Start the robot again.")
        if not self._config.shared:
            self._must_be_released()
            self._must_be_free()

    def own_controller(self) -> str | None:
        """Name of the robot's own controller that has the motors, such as `ai`.

        Returns:
            Empty when none has; None for a robot without a motion switcher, or one that is not connected.

        Raises:
            LostError: its switcher does not answer.
        """
        if self._switcher is None:
            return None
        end_ns = self._clock.now_ns() + round(_FIND_S * NS_PER_S)
        while not self._switcher.there:
            if self._clock.now_ns() > end_ns:
                return None
            self._clock.wait_until(self._clock.now_ns() + _POLL_NS)
        return self._switcher.controller()

    def _must_be_released(self) -> None:
        name = self.own_controller()
        if not name or self._switcher is None:
            return
        if self._config.start != "hanging":
            raise InputError(
                f"the robot's own controller '{name}' has the motors, and a standing robot that it releases falls: "
                "hang it and say --start hanging, or hold it and put it into debug mode (L2 + R2 on the remote)."
            )
        self._switcher.release(_RELEASE_S)
        # What it has commanded last is still to be heard, and is nobody's.
        self._clock.wait_until(self._clock.now_ns() + round(_LISTEN_S * NS_PER_S))
        self._last = self._link.read_incoming_command()
        self._clock.wait_until(self._clock.now_ns() + round(_LISTEN_S * NS_PER_S))

    def in_other_hands(self) -> bool:
        """Whether another process has commanded this robot since this one connected; before the first command only."""
        if self._taken_over_ns is not None:
            return False
        heard = self._link.read_incoming_command()
        return commands_something(heard) and not (self._last is not None and alike(heard, self._last))

    def _must_be_free(self) -> None:
        if self.in_other_hands():
            raise InputError(
                "another process commands this robot: end it, or put the robot into debug mode (L2 + R2 on the remote)."
            )

    def _take_over(self, command: JointCommand) -> None:
        # Braking is always allowed: it is what a guard does to a robot whose controller has died.
        if command.kp_nm_rad.any():
            self._must_be_free()
        self._taken_over_ns = self._clock.now_ns()

    def _ramped(self, command: JointCommand) -> JointCommand:
        """The command at the gains that it may have by now; damping is never reduced."""
        if self._config.start == "standing" or self._taken_over_ns is None:
            return command
        elapsed_s = (self._clock.now_ns() - self._taken_over_ns) / NS_PER_S
        share = min(1.0, _LEAST_GAIN_SHARE + (1.0 - _LEAST_GAIN_SHARE) * elapsed_s / self._config.ramp_s)
        return replace(command, kp_nm_rad=share * command.kp_nm_rad, torque_nm=share * command.torque_nm)

    def _disconnect(self) -> None:
        """Let the motors brake if they were taken over; the binding repeats that to the end of the process."""
        try:
            if self._taken_over_ns is not None:
                self._brake()
                self._last = self._message
        finally:
            self._link = self._message = self._measurements = self._switcher = None

    def _brake(self) -> None:
        none = [0.0] * JOINTS
        message = self._message
        if self._state is not None:
            message.q_target = self._state.joint_position_rad.tolist()
        message.dq_target = message.kp = message.tau_ff = none
        message.kd = UNITREE_G1.kd_nm_s_rad.tolist()
        self._link.write_low_command(message)
        self._clock.wait_until(self._clock.now_ns() + round(_BRAKING_S * NS_PER_S))
        if self._measurements is not None:
            self._state = self._measurements.hear(self._grippers.read()[0])


@dataclass(frozen=True, slots=True)
class UnitreeG1Factory:
    """Makes the same robot in any process."""

    config: UnitreeG1Config

    def __call__(self) -> UnitreeG1:
        """A link that was not entered yet."""
        return UnitreeG1(self.config)


def _named(which: NDArray[np.bool_]) -> str:
    """Up to three of the joints for which a [29] mask holds."""
    names = [MOTOR_ORDER[index] for index in np.flatnonzero(which)]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


class _SigtermLeaves:
    """Within, `kill PID` leaves contexts instead of ending the process at once, unless someone else handles it."""

    def __init__(self) -> None:
        self._ours = False

    def __enter__(self) -> Self:
        main = threading.current_thread() is threading.main_thread()
        self._ours = main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        if self._ours:
            signal.signal(signal.SIGTERM, _leave)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _leave(number: int, frame: FrameType | None) -> None:
    del frame
    sys.exit(128 + number)
