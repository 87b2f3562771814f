"""A tracker on a robot in the thread of the caller: time waits for it, so runs are deterministic."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from hlm.core.body import BodyStatus
from hlm.core.clock import Clock, due_ns, slot_at
from hlm.core.embodiment import Embodiment
from hlm.core.errors import InputError
from hlm.core.protocols import Robot, Tracker
from hlm.core.values import Reference, RobotState
from hlm.runtime.body_controller import BodyController
from hlm.runtime.safe_controller import reason
from hlm.runtime.safety.config import SafetyConfig

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class LockstepConfig:
    """Timing of a lockstep body.

    Attributes:
        control_hz: tracker steps per second.
        safety: how long its states last, and how old its inputs may be.
    """

    control_hz: float = 100.0
    safety: SafetyConfig = field(default_factory=SafetyConfig)

    def __post_init__(self) -> None:
        """Check ranges."""
        if not self.control_hz > 0.0:
            raise InputError(f"control_hz must be positive, got {self.control_hz}.")


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
        self._clock = clock
        self._config = LockstepConfig() if config is None else config
        self._controller = BodyController(tracker, embodiment, self._config.safety)
        self._took_over = False
        self._braking = False
        self._origin_ns = 0
        self._slot = self._missed_slots = 0

    @property
    def status(self) -> BodyStatus:
        """What it is doing, and why when that is not following references."""
        return self._controller.status

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
        self._controller.damp("the session has ended" if kind is None else f"the session was ended by {kind.__name__}")
        try:
            self._brake()
        except BaseException:
            self._brake()  # a second Ctrl+C
            raise
        finally:
            self._robot.__exit__(kind, error, trace)

    def reset(self) -> None:
        """Follow references from the pose measured now; clears a fault, or finds the next."""
        self._took_over = True
        self._braking = False
        self._missed_slots = self._slot = 0
        self._origin_ns = self._clock.now_ns()
        self._controller.reset(self._robot.read, self._origin_ns)
        self._brake_if_damped()

    def read(self) -> RobotState:
        """The newest measurement; when the robot gives none, the last one, whose stamp says how old it is.

        Raises:
            InputError: nothing was ever measured.
        """
        self._controller.observe(self._robot.read)
        self._brake_if_damped()
        state = self._controller.state
        if state is None:
            raise InputError(f"there is no measurement of the robot: {self.status.fault}.")
        return state

    def push(self, reference: Reference) -> None:
        """Add the next reference; one that is not finite, or out of order, holds the body."""
        self._controller.push(reference)
        self._brake_if_damped()

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
        self._controller.hold(fault)

    def stop(self, fault: str) -> None:
        """Hold, crouch and damp as time goes on; a second stop damps at once."""
        self._controller.stop(fault)
        self._brake_if_damped()

    def _step(self) -> None:
        """Measure and command once; a damped body only makes sure that its motors brake."""
        command = self._controller.step(self._robot.read, self._clock.now_ns())
        if command is not None and not self.status.braking:
            try:
                self._robot.command(command)
            except Exception as error:  # noqa: BLE001 - a driver may raise anything
                _LOG.exception("the robot took no command")
                self._controller.fail(f"the control step failed: {reason(error)}")
        self._brake_if_damped()

    def _brake_if_damped(self) -> None:
        if self.status.braking and not self._braking:
            self._brake()

    def _brake(self) -> None:
        """Send the braking command."""
        if not self._took_over:
            return
        try:
            self._robot.command(self._controller.braking(self._clock.now_ns()))
            self._braking = True
        except Exception:  # noqa: BLE001 - tried again at the next step and on leaving
            _LOG.exception("the motors could not be damped")
