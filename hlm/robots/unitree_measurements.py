"""What a Unitree G1 says about itself, as it comes over DDS."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S, Clock
from hlm.core.values import RobotState
from hlm.robots.dds.topics import Topics
from hlm.robots.unitree_messages import ImuState, LowState
from hlm.robots.unitree_state import content, orientation, to_state

_NO_TORSO: FloatArray = np.full(4, np.nan)
_TORSO_S = 0.1


class UnitreeMeasurements:
    """The newest measurement, stamped when it was received.

    A measurement whose numbers equal the one before is not a new one, because sensors are noisy: so frozen measurements
    age like those that do not arrive. An inertial unit in the torso that falls silent for 0.1 s measures nothing any
    more; robots without one never hear of it.

    Args:
        topics: on the robot's network.
        clock: the session's clock.
    """

    def __init__(self, topics: Topics, clock: Clock) -> None:
        self._clock = clock
        self._measured = topics.newest("rt/lowstate", LowState)
        self._torso = topics.newest("rt/secondary_imu", ImuState)
        self._torso_quat = _NO_TORSO
        self._torso_ns = 0
        self._content = b""
        self._state: RobotState | None = None
        self.mode_machine = 0
        """Machine mode of the newest message."""

    def hear(self, gripper_opening: FloatArray) -> RobotState | None:
        """The newest measurement; None before the first.

        Args:
            gripper_opening: [2] left, right, which DDS does not tell.
        """
        now_ns = self._clock.now_ns()
        if (torso := self._torso.take()) is not None:
            self._torso_quat, self._torso_ns = orientation(torso), now_ns
        elif now_ns - self._torso_ns > _TORSO_S * NS_PER_S:
            self._torso_quat = _NO_TORSO
        if (low := self._measured.take()) is None:
            return self._state
        self.mode_machine = low.mode_machine
        if (told := content(low)) != self._content:
            self._content = told
            self._state = to_state(low, self._torso_quat, now_ns, gripper_opening)
        return self._state
