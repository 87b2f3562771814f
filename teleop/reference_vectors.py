"""The 34-D references of a sequence of configurations."""

from __future__ import annotations

import numpy as np

from hlm.control.model import Configuration
from hlm.core.arrays import FloatArray
from hlm.core.layout import pack
from hlm.core.rotations import roll_pitch_yaw_from_quat
from hlm.core.yaw_rate import YawRate, filter_yaw_rate


class ReferenceVectors:
    """Turns configurations into references; their rate of yaw is that of the one shared filter."""

    def __init__(self) -> None:
        self._yaw_rate: YawRate | None = None

    def vector(self, configuration: Configuration, gripper_opening: FloatArray, stamp_ns: int) -> FloatArray:
        """[34] reference of a configuration at an instant.

        Args:
            configuration: in a world that stands still.
            gripper_opening: [2] left, right; 1 = open.
            stamp_ns: the instant; later than the one before.
        """
        roll, pitch, yaw = roll_pitch_yaw_from_quat(configuration.quat_world_from_pelvis_wxyz)
        self._yaw_rate = filter_yaw_rate(self._yaw_rate, stamp_ns, float(yaw))
        root = np.array([roll, pitch, self._yaw_rate.rate_rad_s])
        return pack(configuration.joint_position_rad, gripper_opening, root)
