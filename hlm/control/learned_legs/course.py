"""The course: where the reference goes, where the robot is, and the velocity that brings one to the other."""

from __future__ import annotations

from collections import deque

import numpy as np

from hlm.control.learned_legs.config import CourseConfig
from hlm.core.arrays import FloatArray
from hlm.core.rotations import matrix_from_yaw, wrap_angle


class Course:
    """Reference and robot as points on the ground with a heading: the middle of the soles, and the pelvis' yaw.

    The reference's heading is its yaw rate, integrated: that of its feet drifts with every step.

    Args:
        config: gains and limits.
    """

    def __init__(self, config: CourseConfig) -> None:
        self._config = config
        self._moved: deque[FloatArray] = deque()
        self._wanted: deque[FloatArray] = deque()
        self._reached: deque[FloatArray] = deque()
        self._spans_s: deque[float] = deque()
        self._anchored: FloatArray | None = None

    def forget(self) -> None:
        """Forget everything, also how fast the reference moved."""
        self._moved.clear()
        self._spans_s.clear()
        self._anchored = None
        self.start()

    def start(self) -> None:
        """Let the reference be where the robot is at the next `advance`."""
        self._wanted.clear()
        self._reached.clear()

    def advance(self, anchored: FloatArray, turned_rad: float, robot: FloatArray, dt_s: float) -> None:
        """Add a moment.

        Args:
            anchored: [3] place (m) and heading (rad) of the reference in a world of its own.
            turned_rad: what the reference's yaw rate has turned since the moment before.
            robot: [3] place (m) and heading (rad) of the robot in a world of its own.
            dt_s: time since the moment before.
        """
        before = anchored if self._anchored is None else self._anchored
        self._anchored = anchored
        step = np.array([*_turned(anchored[:2] - before[:2], -before[2]), turned_rad])
        self._moved.append(step)
        self._spans_s.append(dt_s)
        while sum(self._spans_s) > self._config.average_s:
            self._moved.popleft()
            self._spans_s.popleft()
        last = self._wanted[-1] if self._wanted else robot
        wanted = last + np.array([*_turned(step[:2], last[2]), step[2]])
        excess_m = float(np.hypot(*(robot - wanted)[:2])) - self._config.max_distance_m
        if excess_m > 0.0:
            away_m = (robot - wanted)[:2]
            wanted[:2] += excess_m / float(np.hypot(*away_m)) * away_m
        self._wanted.append(wanted)
        self._reached.append(robot)
        while len(self._wanted) > len(self._moved):
            self._wanted.popleft()
            self._reached.popleft()

    @property
    def velocity(self) -> FloatArray:
        """[3] mean velocity of the reference, forward and leftward (m/s), and its yaw rate (rad/s)."""
        mean: FloatArray = np.sum(self._moved, axis=0) / (self._config.average_s)
        return mean

    @property
    def error(self) -> FloatArray:
        """[3] mean distance to the reference, forward and leftward (m), and in heading (rad), as the robot sees it."""
        heading_rad = wrap_angle(np.array(self._wanted)[:, 2] - np.array(self._reached)[:, 2])
        apart_m = np.mean(self._wanted, axis=0)[:2] - np.mean(self._reached, axis=0)[:2]
        return np.array([*_turned(apart_m, -self._reached[-1][2]), float(np.mean(heading_rad))])

    def wanted_velocity(self, *, stopping: bool) -> FloatArray:
        """[3] forward and leftward velocity (m/s) and yaw rate (rad/s) that the robot should have.

        Args:
            stopping: the reference stands by now, whatever its mean velocity.
        """
        config, error = self._config, self.error
        along_m_s = np.clip(config.place_gain_per_s * error[:2], -config.max_correction_m_s, config.max_correction_m_s)
        turn_rad_s = np.clip(
            config.heading_gain_per_s * error[2], -config.max_correction_rad_s, config.max_correction_rad_s
        )
        return (0.0 if stopping else self.velocity) + np.array([*along_m_s, turn_rad_s])


def _turned(vector: FloatArray, angle_rad: float) -> FloatArray:
    """[2] a vector on the ground, turned."""
    turned: FloatArray = matrix_from_yaw(angle_rad)[:2, :2] @ vector
    return turned
