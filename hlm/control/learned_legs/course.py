"""The course: where the reference goes, where the robot is, and the velocity that brings one to the other."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np

from hlm.control.learned_legs.config import CourseConfig
from hlm.core.arrays import FloatArray
from hlm.core.rotations import matrix_from_yaw, wrap_angle

_MIN_AVERAGE_S = 0.5


class _Moment(NamedTuple):
    """Places on the ground, x and y (m), with a heading (rad).

    Attributes:
        time_s: since the start.
        wanted: [3] where the reference is, in the robot's world.
        reached: [3] where the robot is.
        step: [3] how far the reference has moved since the moment before, as it sees that itself.
    """

    time_s: float
    wanted: FloatArray
    reached: FloatArray
    step: FloatArray


class Course:
    """Reference and robot as points on the ground with a heading: the middle of the soles, and the pelvis' yaw.

    The reference's heading is its yaw rate, integrated: that of its feet drifts with every step.

    Args:
        config: gains and limits.
    """

    def __init__(self, config: CourseConfig) -> None:
        self._config = config
        self._moments: deque[_Moment] = deque()
        self._anchored: FloatArray | None = None

    def forget(self) -> None:
        """Forget everything, also where the reference is."""
        self._anchored = None
        self.start()

    def start(self) -> None:
        """Let the reference be where the robot is at the next `advance`, and forget how fast it moved until then."""
        self._moments.clear()

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
        last = self._moments[-1] if self._moments else _Moment(0.0, robot, robot, np.zeros(3))
        wanted = last.wanted + np.array([*_turned(step[:2], last.wanted[2]), step[2]])
        self._moments.append(_Moment(last.time_s + dt_s, self._kept_near(wanted, robot), robot, step))
        while self._moments[-1].time_s - self._moments[0].time_s > self._config.average_s:
            self._moments.popleft()

    @property
    def velocity(self) -> FloatArray:
        """[3] mean velocity of the reference, forward and leftward (m/s), and its yaw rate (rad/s)."""
        span_s = self._moments[-1].time_s - self._moments[0].time_s
        moved: FloatArray = np.sum([moment.step for moment in self._moments], axis=0)
        return moved / max(span_s, _MIN_AVERAGE_S)

    @property
    def error(self) -> FloatArray:
        """[3] distance to the reference without the sway of a stride.

        Forward and leftward as the robot sees it (m), and in heading (rad).
        """
        since_s = self._moments[-1].time_s - self._config.stride_s
        recent = [moment for moment in self._moments if moment.time_s >= since_s]
        wanted = np.array([moment.wanted for moment in recent])
        apart = wanted - np.array([moment.reached for moment in recent])
        apart[:, 2] = wrap_angle(apart[:, 2])
        # The mean lags by half of its time; ends that are a stride apart sway alike.
        now = apart.mean(axis=0) + 0.5 * (apart[-1] - apart[0])
        return np.array([*_turned(now[:2], -recent[-1].reached[2]), now[2]])

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

    def _kept_near(self, wanted: FloatArray, robot: FloatArray) -> FloatArray:
        """[3] the reference's place, given up as far as it is too far away."""
        away_m = (robot - wanted)[:2]
        excess = max(1.0 - self._config.max_distance_m / max(float(np.hypot(*away_m)), 1e-9), 0.0)
        return wanted + np.array([*(excess * away_m), 0.0])


def _turned(vector: FloatArray, angle_rad: float) -> FloatArray:
    """[2] a vector on the ground, turned."""
    turned: FloatArray = matrix_from_yaw(angle_rad)[:2, :2] @ vector
    return turned
