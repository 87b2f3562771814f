"""What a body whose robot tracks references itself does with each measurement: frames, behind the safety."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.body import BodyState, BodyStatus
from hlm.core.clock import NS_PER_S
from hlm.core.embodiment import Embodiment
from hlm.core.errors import InputError
from hlm.core.layout import GRIPPERS
from hlm.core.proprioception import measured_state
from hlm.core.streaming import StreamFrames
from hlm.core.values import Reference, RobotState
from hlm.runtime.body_controller import reason
from hlm.runtime.safety.checks import reference_fault, state_fault
from hlm.runtime.safety.config import SafetyConfig
from hlm.runtime.safety.transitions import Event, next_state
from hlm.runtime.streaming.config import StreamingConfig
from hlm.runtime.streaming.frame_stream import FrameStream, StreamEnd
from hlm.runtime.streaming.playback import ReferencePlayback


class StreamCommand(NamedTuple):
    """What is sent now.

    Attributes:
        frames: new ones, after those that are repeated; None to send none.
        stop: whether the robot is to brake.
        gripper_opening: [2] left, right.
    """

    frames: StreamFrames | None
    stop: bool
    gripper_opening: FloatArray


class StreamController:
    """The only way to a robot that tracks references itself: references and measurements in, frames out.

    It obeys the same table of states as `hlm.runtime.body_controller.BodyController`, and like it knows no clock, robot
    or process. Balance is the robot's own business; braking is the robot's own stop.

    Args:
        embodiment: the robot's table.
        safety: times of the states.
        config: of the stream.
        dry_run: go through everything, but send nothing.
    """

    def __init__(
        self, embodiment: Embodiment, safety: SafetyConfig, config: StreamingConfig, *, dry_run: bool = False
    ) -> None:
        self._safety, self._dry_run = safety, dry_run
        self._playback = ReferencePlayback(embodiment, config)
        self._stream = FrameStream(embodiment, config)
        self._status = BodyStatus(BodyState.DISARMED, "the body was not reset yet")
        self._state: RobotState | None = None
        self._stepped_ns = self._entered_ns = self._referenced_ns = 0
        self._referenced = self._stopped = False
        self._hold_s = safety.hold_s

    @property
    def status(self) -> BodyStatus:
        """What the body is doing, and why when that is not following references."""
        return self._status

    @property
    def state(self) -> RobotState | None:
        """The newest measurement that was one."""
        return self._state

    @property
    def end(self) -> StreamEnd | None:
        """Where the stream is; None before it began."""
        return self._stream.end

    def reset(self, measure: Callable[[], RobotState], now_ns: int) -> None:
        """Arm: follow references from the pose measured now; clears a fault, or finds the next.

        A stream that runs goes on, and moves to that pose within the limits.
        """
        end = self._stream.end
        running = end is not None and not self._status.braking
        self._status = BodyStatus(next_state(self._status.state, Event.ARM))
        self._referenced = self._stopped = False
        self._stepped_ns = self._entered_ns = self._referenced_ns = now_ns
        state = self._measured(measure, now_ns)
        if state is None:
            return
        vector, _ = measured_state(state, None)
        self._playback.start(vector)
        if end is None or not running:
            index, heading_rad = (0, 0.0) if end is None else (end.next_index, end.heading_rad)
            self._stream.begin(StreamEnd(index, vector, heading_rad), now_ns)

    def take_over(self, end: StreamEnd, now_ns: int, fault: str) -> None:
        """Go on with the stream of another process, which is gone: hold, crouch, and stop."""
        self._stepped_ns = now_ns
        self._status = BodyStatus(BodyState.RUNNING)
        self._referenced_ns = now_ns
        self._playback.start(end.vector)
        self._stream.begin(end, now_ns)
        self.stop(fault)

    def push(self, reference: Reference) -> None:
        """Add the next reference; one that is not finite, or out of order, holds the body."""
        if not self._status.tracking:
            return
        if fault := reference_fault(reference.vector):
            self._happen(Event.BAD_REFERENCE, fault)
            return
        try:
            self._playback.push(reference)
        except InputError as error:
            self._happen(Event.BAD_REFERENCE, str(error))
        else:
            self._referenced, self._referenced_ns = True, self._stepped_ns

    def hold(self, fault: str) -> None:
        """Come to rest and stay there; a worse state stays as it is."""
        self._happen(Event.HOLD, fault)

    def stop(self, fault: str) -> None:
        """Hold for a moment, crouch, and brake; a second stop brakes at once."""
        event, self._stopped = Event.STOP_AGAIN if self._stopped else Event.STOP, True
        self._happen(event, fault)

    def crouch(self, fault: str) -> None:
        """Sink slowly, then brake."""
        self._happen(Event.CROUCH, fault)

    def damp(self, fault: str) -> None:
        """Only brake from now on."""
        self._happen(Event.DAMP, fault)

    def fail(self, fault: str) -> None:
        """Only brake from now on, because the robot does not work."""
        self._happen(Event.BROKEN, fault)

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

    def step(self, measure: Callable[[], RobotState], now_ns: int) -> StreamCommand | None:
        """What to send now; None before a reset.

        Args:
            measure: gives the newest measurement; whatever it raises is a fault.
            now_ns: instant of the step.
        """
        if self._status.state is BodyState.DISARMED:
            return None
        gap_s, self._stepped_ns = (now_ns - self._stepped_ns) / NS_PER_S, now_ns
        if gap_s > self._safety.max_gap_s:
            limit_s = self._safety.max_gap_s
            self._happen(Event.STARVED, f"the body was not advanced for {gap_s:.3f} s, more than {limit_s} s")
        self._let_time_pass(now_ns)
        if not self._status.braking:
            self._measured(measure, now_ns)
        frames = None if self._status.braking else self._stream.advance(self._playback, now_ns)
        end = self._stream.end
        opening: FloatArray = np.ones(2) if end is None else end.vector[list(GRIPPERS)]
        if self._dry_run:
            return StreamCommand(frames=None, stop=False, gripper_opening=opening)
        return StreamCommand(frames=frames, stop=self._status.braking, gripper_opening=opening)

    def _let_time_pass(self, now_ns: int) -> None:
        """What happens because enough time has passed."""
        safety, state = self._safety, self._status.state
        in_state_s = (now_ns - self._entered_ns) / NS_PER_S
        if state is BodyState.ARMING and in_state_s >= safety.arming_s:
            self._happen(Event.RAMPED)
        elif state is BodyState.HOLDING and in_state_s >= self._hold_s:
            self._happen(Event.HELD)
        elif state is BodyState.CROUCHING and in_state_s >= safety.crouch_s:
            self._happen(Event.CROUCHED)
        age_s = (now_ns - self._referenced_ns) / NS_PER_S
        limit_s = safety.max_reference_age_s if self._referenced else safety.first_reference_s
        if age_s > limit_s:
            self._happen(Event.NO_REFERENCE, f"no reference has come for {age_s:.3f} s, more than {limit_s} s")

    def _happen(self, event: Event, why: str = "") -> None:
        """Go where the table of transitions leads; reasons add up, and a row that is not there changes nothing."""
        state = next_state(self._status.state, event)
        if state is self._status.state:
            return
        self._status = BodyStatus(state, "; then ".join(filter(None, (self._status.fault, why))))
        self._entered_ns = self._stepped_ns
        if state is BodyState.HOLDING:
            self._hold_s = self._safety.stop_hold_s if event is Event.STOP else self._safety.hold_s
            self._playback.rest()
        elif state is BodyState.CROUCHING:
            self._playback.crouch(self._stepped_ns, self._safety.crouch_s)

    def _measured(self, measure: Callable[[], RobotState], now_ns: int) -> RobotState | None:
        """A measurement that is new enough."""
        state = self.observe(measure)
        if state is None:
            return None
        age_s = (now_ns - state.stamp_ns) / NS_PER_S
        if age_s > self._safety.max_state_age_s:
            self.fail(f"the robot's measurement is {age_s:.3f} s old, more than {self._safety.max_state_age_s} s")
            return None
        return state
