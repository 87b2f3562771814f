"""Whether the inertial units of pelvis and torso agree on which way is up."""

from __future__ import annotations

import math

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.layout import MOTOR_ORDER
from hlm.core.values import RobotState

_TURNED = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}
"""The two axes that a turn about an axis mixes, in right-handed order."""


class InertialUnits:
    """Compares the vertical that the pelvis measures, carried through the waist, with the torso's.

    Yaw is not compared: each unit has an origin of its own, and drifts.

    Args:
        embodiment: the robot's table.
    """

    def __init__(self, embodiment: Embodiment) -> None:
        self._waist = [
            (MOTOR_ORDER.index(link.joint.name), _TURNED[link.joint.axis])
            for link in embodiment.chain(embodiment.torso_link)
            if link.joint is not None
        ]

    def disagreement_rad(self, state: RobotState) -> float:
        """Angle between the two verticals; not a number without a unit in the torso."""
        torso = _up(state.quat_world_from_torso_wxyz)
        if math.isnan(torso[0]):
            return math.nan
        up = _up(state.quat_world_from_pelvis_wxyz)
        for joint, (first, second) in self._waist:
            angle_rad = float(state.joint_position_rad[joint])
            cosine, sine = math.cos(angle_rad), math.sin(angle_rad)
            up[first], up[second] = cosine * up[first] + sine * up[second], cosine * up[second] - sine * up[first]
        return math.acos(min(1.0, max(-1.0, float(np.dot(up, torso)))))


def _up(quat_world_from_link_wxyz: FloatArray) -> list[float]:
    """The vertical in the frame of a link."""
    w, x, y, z = quat_world_from_link_wxyz.tolist()
    return [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)]
