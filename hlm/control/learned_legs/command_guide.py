"""Learned legs that go with a commanded velocity."""

from __future__ import annotations

import numpy as np

from hlm.control.learned_legs.commanded_velocity import CommandedVelocity
from hlm.control.learned_legs.course import Course
from hlm.control.learned_legs.decoupled_config import WalkConfig
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.core.arrays import FloatArray
from hlm.core.rotations import matrix_from_yaw


class CommandGuide:
    """Legs go with the commanded velocity, and make up for what they lose of it; see `Guide`.

    The place to be is the integral of the velocity, given up as far as the robot falls behind. Without a velocity it is
    where the robot is: after a stop or a push, it rests where it comes to rest.

    Args:
        config: times and limits.

    Attributes:
        commanded: the velocity.
    """

    def __init__(self, config: WalkConfig) -> None:
        self._config = config
        self.commanded = CommandedVelocity(config)
        self.reset(0)

    def reset(self, stamp_ns: int) -> None:
        """Stand, and forget all commands."""
        self.commanded.reset(stamp_ns)
        self._place = np.zeros(3)
        self._behind_rad = 0.0

    def walks_soon(self, sample: ReferenceSample) -> bool:
        """Whether there is a velocity, or one is wanted."""
        return self.commanded.walks

    def advance(self, course: Course, sample: ReferenceSample, robot: FloatArray, dt_s: float) -> None:
        """The course goes with the velocity."""
        if not self.commanded.walks:
            course.start()
        forward, leftward, turning = self.commanded.now * dt_s
        self._place = self._place + np.array(
            [*(matrix_from_yaw(self._place[2])[:2, :2] @ [forward, leftward]), turning]
        )
        far = abs(self._behind_rad) > self._config.max_turn_behind_rad and turning * self._behind_rad > 0.0
        course.advance(self._place, 0.0 if far else float(turning), robot, dt_s)
        self._behind_rad = float(course.error[2])

    def velocity(self, course: Course, *, stopping: bool) -> FloatArray:
        """[3] the commanded velocity, and what makes up for what was lost of it."""
        return self.commanded.now + course.wanted_velocity(stopping=True)
