"""What every body does with references and measurements, whatever it commands: the states of the safety."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable

from hlm.control.measurement import state_fault
from hlm.core.arrays import FloatArray
from hlm.core.body import BodyState, BodyStatus
from hlm.core.clock import NS_PER_S
from hlm.core.embodiment import Embodiment
from hlm.core.errors import HlmError
from hlm.core.values import Reference, RobotState
from hlm.runtime.safety.checks import reference_fault
from hlm.runtime.safety.config import SafetyConfig
from hlm.runtime.safety.reference_limits import ReferenceLimits
from hlm.runtime.safety.repeated_state import RepeatWatch
from hlm.runtime.safety.transitions import Event, next_state
from hlm.runtime.safety.watch import StateWatch

_LOG = logging.getLogger(__name__)


class SafeController[Command](ABC):
    """References and measurements in, commands that may be sent out.

    It has no clock, no robot and no process. `hlm.runtime.safety.transitions` says what leads from which state to
    which; whatever leaves the followed references behind is latched until a person resets.

    Args:
        embodiment: the robot's table.
        config: times of the states.
    """

    def __init__(self, embodiment: Embodiment, config: SafetyConfig) -> None:
        self._config, self._embodiment = config, embodiment
        self._reference_limits = ReferenceLimits(embodiment)
        self._watch = StateWatch(embodiment, config.watch)
        self._repeats = RepeatWatch(config.max_repeat_s)
        self._status = BodyStatus(BodyState.DISARMED, "the body was not reset yet")
        self._state: RobotState | None = None
        self._stepped_ns = self._entered_ns = self._referenced_ns = 0
        self._referenced = self._stopped = False
        self._hold_s = config.hold_s

    @property
    def status(self) -> BodyStatus:
        """What the body is doing, and why when that is not following references."""
        return self._status

    @property
    def state(self) -> RobotState | None:
        """The newest measurement that was one."""
        return self._state

    def reset(self, measure: Callable[[], RobotState], now_ns: int) -> None:
        """Arm: follow references from the pose measured now; clears a fault, or finds the next.

        Nothing that was pushed before is followed, and nothing in between is another state. A robot that hangs is armed
        by its feet alone.
        """
        if self._status.state is not BodyState.HANGING:
            self._arm(Event.ARM, measure, now_ns)

    def _arm(self, event: Event, measure: Callable[[], RobotState], now_ns: int) -> None:
        """Begin anew, as the table says of an event."""
        self._status = BodyStatus(next_state(self._status.state, event))
        self._referenced = self._stopped = False
        self._stepped_ns = self._entered_ns = self._referenced_ns = now_ns
        self._repeats.reset()
        state = self._measured(measure, now_ns)
        if state is None:
            return
        self._watch.reset()
        self._start(state)

    def hang(self, measure: Callable[[], RobotState], now_ns: int) -> None:
        """Arm a robot that hangs; one that tracks by itself is not armed so."""
        del measure, now_ns
        self.fail("this body cannot take over a robot that hangs")

    def push(self, reference: Reference) -> None:
        """Add the next reference; one that is not finite, far out of range, or out of order, holds the body.

        Whoever pushes limits ranges and speeds; what is a little out of range all the same is brought inside.
        """
        if not self._status.tracking:
            return
        if fault := reference_fault(reference.vector) or self._reference_limits.fault(reference.vector):
            self._happen(Event.BAD_REFERENCE, fault)
            return
        if (inside := self._reference_limits.inside(reference.vector)) is not reference.vector:
            reference = Reference(reference.stamp_ns, inside)
        try:
            self._follow(reference)
        except HlmError as error:
            self._happen(Event.BAD_REFERENCE, str(error))
        except Exception as error:  # noqa: BLE001 - a bug must not leave the last torque on the motors
            _LOG.exception("the tracker failed")
            self._happen(Event.BROKEN, f"the tracker failed: {reason(error)}")
        else:
            # A loop that runs late pushes on time what is out of date.
            self._referenced, self._referenced_ns = True, min(self._stepped_ns, reference.stamp_ns)

    def hold(self, fault: str) -> None:
        """Stop following references and keep balance; a worse state stays as it is."""
        self._happen(Event.HOLD, fault)

    def stop(self, fault: str) -> None:
        """Hold for a moment, crouch, and damp; a second stop damps at once."""
        event, self._stopped = Event.STOP_AGAIN if self._stopped else Event.STOP, True
        self._happen(event, fault)

    def damp(self, fault: str) -> None:
        """Only brake from now on; what was wrong before stays in the reason."""
        self._happen(Event.DAMP, fault)

    def fail(self, fault: str) -> None:
        """Only brake from now on, because the robot does not work."""
        self._happen(Event.BROKEN, fault)

    def step(self, measure: Callable[[], RobotState], now_ns: int) -> Command | None:
        """The command for now, one that brakes when nothing else may be sent; none before a reset.

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
        return self._command(measure, now_ns)

    def observe(self, measure: Callable[[], RobotState]) -> RobotState | None:
        """A measurement whose numbers are some; None, and a fault, when there is none."""
        try:
            state = measure()
        except Exception as error:  # noqa: BLE001 - a driver may raise anything
            self.fail(f"the robot cannot be read: {reason(error)}")
            return None
        if fault := state_fault(state, self._embodiment):
            self.fail(fault)
            return None
        self._state = state
        return state

    @abstractmethod
    def _start(self, state: RobotState) -> None:
        """Begin anew from a measurement."""

    @abstractmethod
    def _follow(self, reference: Reference) -> None:
        """Take a reference that may be followed; an `HlmError` holds the body."""

    @abstractmethod
    def _command(self, measure: Callable[[], RobotState], now_ns: int) -> Command:
        """What is sent now."""

    @abstractmethod
    def _begin_hold(self) -> None:
        """Come to rest from now on."""

    @abstractmethod
    def _begin_crouch(self) -> None:
        """Sink from now on."""

    def _crouched(self, now_ns: int) -> bool:
        """Whether the crouch is over before its time."""
        del now_ns
        return False

    def _watched(
        self, measure: Callable[[], RobotState], now_ns: int, loaded_rad: FloatArray | None
    ) -> RobotState | None:
        """A measurement that can be balanced on; None while braking, also because of it.

        Args:
            measure: gives the newest measurement.
            now_ns: instant of the step.
            loaded_rad: [joint] what legs were commanded that should carry the robot; None where that is not known.
        """
        state = None if self._status.braking else self._measured(measure, now_ns)
        if state is not None and (found := self._watch.look(state, loaded_rad)):
            self._happen(*found)
        return None if self._status.braking else state

    def _let_time_pass(self, now_ns: int) -> None:
        """What happens because enough time has passed."""
        config, state = self._config, self._status.state
        in_state_s = (now_ns - self._entered_ns) / NS_PER_S
        if state is BodyState.ARMING and in_state_s >= config.arming_s:
            self._happen(Event.RAMPED)
        elif state is BodyState.HOLDING and in_state_s >= self._hold_s:
            self._happen(Event.HELD)
        elif state is BodyState.CROUCHING and (in_state_s >= config.crouch_s or self._crouched(now_ns)):
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
            self._begin_crouch()
        if state is BodyState.HOLDING:
            self._begin_hold()
            self._hold_s = self._config.stop_hold_s if event is Event.STOP else self._config.hold_s

    def _measured(self, measure: Callable[[], RobotState], now_ns: int) -> RobotState | None:
        """A measurement that is new."""
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
        return state


def reason(error: Exception) -> str:
    """An exception in words, for a fault."""
    return str(error) if isinstance(error, HlmError) else f"{type(error).__name__}: {error}"
