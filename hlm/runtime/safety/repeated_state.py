"""Measurements that come in time and measure nothing: a link or a device that repeats its last one."""

from __future__ import annotations

import numpy as np

from hlm.core.clock import NS_PER_S
from hlm.core.values import RobotState


class RepeatWatch:
    """Notices a robot whose measurements do not change in a single bit, whatever their stamps say.

    Args:
        limit_s: for so long they may: encoders and gyroscopes of a robot that balances are never that still, also in a
            simulation without noise.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._last: RobotState | None = None
        self._since_ns = 0

    def reset(self) -> None:
        """Forget what was measured before."""
        self._last = None

    def fault(self, state: RobotState) -> str:
        """What is wrong with the next measurement; empty when nothing is."""
        if self._last is None or not _same(self._last, state):
            self._since_ns = state.stamp_ns
        self._last = state
        same_s = (state.stamp_ns - self._since_ns) / NS_PER_S
        if same_s <= self._limit_s:
            return ""
        return f"the robot repeats the same measurement for {same_s:.3f} s, longer than {self._limit_s} s"


def _same(one: RobotState, other: RobotState) -> bool:
    return (
        np.array_equal(one.joint_position_rad, other.joint_position_rad)
        and np.array_equal(one.joint_velocity_rad_s, other.joint_velocity_rad_s)
        and np.array_equal(one.angular_velocity_pelvis_in_pelvis_rad_s, other.angular_velocity_pelvis_in_pelvis_rad_s)
    )
