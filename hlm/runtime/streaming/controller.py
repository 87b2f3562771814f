"""What a body whose robot tracks references itself does with each measurement: frames, behind the safety."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.body import BodyState, BodyStatus
from hlm.core.embodiment import Embodiment
from hlm.core.layout import GRIPPERS
from hlm.core.proprioception import measured_state
from hlm.core.streaming import StreamFrames
from hlm.core.values import Reference, RobotState
from hlm.runtime.safe_controller import SafeController
from hlm.runtime.safety.config import SafetyConfig
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


class StreamController(SafeController[StreamCommand]):
    """The only way to a robot that tracks references itself: references and measurements in, frames out.

    Balance is the robot's own business, and so is whether its feet touch the ground; braking is the robot's own stop.

    Args:
        embodiment: the robot's table.
        safety: times of the states.
        config: of the stream.
        dry_run: go through everything, but send nothing.
    """

    def __init__(
        self, embodiment: Embodiment, safety: SafetyConfig, config: StreamingConfig, *, dry_run: bool = False
    ) -> None:
        super().__init__(embodiment, safety)
        self._dry_run = dry_run
        self._playback = ReferencePlayback(embodiment, config)
        self._stream = FrameStream(embodiment, config)
        self._streaming = False

    @property
    def end(self) -> StreamEnd | None:
        """Where the stream is; None before it began."""
        return self._stream.end

    def reset(self, measure: Callable[[], RobotState], now_ns: int) -> None:
        """Arm: follow references from the pose measured now; clears a fault, or finds the next.

        A stream that runs goes on, and moves to that pose within the limits.
        """
        self._streaming = self.end is not None and not self._status.braking
        super().reset(measure, now_ns)

    def take_over(self, end: StreamEnd, now_ns: int, fault: str) -> None:
        """Go on with the stream of another process, which is gone: hold, crouch, and stop."""
        self._status = BodyStatus(BodyState.RUNNING)
        self._stepped_ns = self._referenced_ns = now_ns
        self._playback.start(end.vector)
        self._stream.begin(end, now_ns)
        self.stop(fault)

    def _start(self, state: RobotState) -> None:
        vector, _ = measured_state(state, None)
        self._playback.start(vector)
        if not self._streaming:
            index, heading_rad = (0, 0.0) if self.end is None else (self.end.next_index, self.end.heading_rad)
            self._stream.begin(StreamEnd(index, vector, heading_rad), self._stepped_ns)

    def _follow(self, reference: Reference) -> None:
        self._playback.push(reference)

    def _command(self, measure: Callable[[], RobotState], now_ns: int) -> StreamCommand:
        state = self._watched(measure, now_ns, None)
        frames = None if state is None else self._stream.advance(self._playback, now_ns)
        opening: FloatArray = np.ones(2) if self.end is None else self.end.vector[list(GRIPPERS)]
        if self._dry_run:
            return StreamCommand(frames=None, stop=False, gripper_opening=opening)
        return StreamCommand(frames=frames, stop=self._status.braking, gripper_opening=opening)

    def _begin_hold(self) -> None:
        self._playback.rest()

    def _begin_crouch(self) -> None:
        self._playback.crouch(self._stepped_ns, self._config.crouch_s)
