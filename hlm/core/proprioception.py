"""The 34-D state: what recording, deployment and scoring all measure in the same way."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.layout import pack
from hlm.core.rotations import roll_pitch_yaw_from_quat
from hlm.core.values import RobotState
from hlm.core.yaw_rate import YawRate, filter_yaw_rate


def measured_state(state: RobotState, previous: YawRate | None) -> tuple[FloatArray, YawRate]:
    """[34] vector of a measurement, and the yaw-rate filter's state after it.

    Args:
        state: the measurement.
        previous: the filter's state after the measurement before; None at the start.
    """
    roll, pitch, yaw = roll_pitch_yaw_from_quat(state.quat_world_from_pelvis_wxyz)
    yaw_rate = filter_yaw_rate(previous, state.stamp_ns, float(yaw))
    root = np.array([roll, pitch, yaw_rate.rate_rad_s])
    return pack(state.joint_position_rad, state.gripper_opening, root), yaw_rate
