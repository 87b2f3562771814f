"""Where learned legs shall go, as their tracker asks it."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from hlm.control.learned_legs.course import Course
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.core.arrays import FloatArray


class Guide(Protocol):
    """Says when legs walk, and how fast."""

    def walks_soon(self, sample: ReferenceSample) -> bool:
        """Whether to walk now or in a moment."""
        ...

    def advance(self, course: Course, sample: ReferenceSample, robot: FloatArray, dt_s: float) -> None:
        """Tell the course where to be, and where the robot is: [3] place (m) and heading (rad)."""
        ...

    def velocity(self, course: Course, *, stopping: bool) -> FloatArray:
        """[3] forward and leftward velocity (m/s) and yaw rate (rad/s) that the robot should have."""
        ...


class ReferenceGuide:
    """Legs go where the reference's feet go.

    Args:
        lift_ahead_s: time before a lift-off of the reference at which they walk.
    """

    def __init__(self, lift_ahead_s: float) -> None:
        self._lift_ahead_s = lift_ahead_s

    def walks_soon(self, sample: ReferenceSample) -> bool:
        """Whether the reference walks, or lifts a foot soon."""
        lifts = float(sample.time_to_lift_off_s.min()) < self._lift_ahead_s
        return lifts or not sample.contact.double_support

    def advance(self, course: Course, sample: ReferenceSample, robot: FloatArray, dt_s: float) -> None:
        """The course is that of the reference's feet."""
        reference = np.array([*sample.sole_position_m.mean(axis=0)[:2], sample.pelvis_roll_pitch_yaw_rad[2]])
        course.advance(reference, sample.yaw_rate_rad_s * dt_s, robot, dt_s)

    def velocity(self, course: Course, *, stopping: bool) -> FloatArray:
        """[3] the reference's velocity, and what brings the robot back to its place."""
        return course.wanted_velocity(stopping=stopping)
