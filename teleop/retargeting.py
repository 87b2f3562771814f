"""From an operator's hands, feet and pelvis to the 34-D reference, by whole-body inverse kinematics."""

from __future__ import annotations

import numpy as np

from hlm.control.inverse_kinematics import IKConfig, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.control.operator import Operator, OperatorPose
from hlm.core.embodiment import Embodiment
from hlm.core.layout import pack
from hlm.core.rotations import roll_pitch_yaw_from_quat
from hlm.core.values import Observation, Reference
from hlm.core.yaw_rate import YawRate, filter_yaw_rate

_START_ITERATIONS = 30


class RetargetedSource:
    """An operator as a reference source; implements `hlm.core.protocols.ReferenceSource`.

    Args:
        operator: who moves.
        embodiment: whose body follows.
        config: of the inverse kinematics.
    """

    def __init__(self, operator: Operator, embodiment: Embodiment, config: IKConfig | None = None) -> None:
        self._operator = operator
        self._ik = WholeBodyIK(BodyModel(embodiment), config)
        self._configuration = Configuration.standing(embodiment)
        self._yaw_rate: YawRate | None = None

    def reset(self, observation: Observation) -> None:
        """Start from the robot's pose."""
        del observation  # the operator knows where the robot stands
        self._configuration = self._operator.reset()
        self._yaw_rate = None

    def reference(self, observation: Observation) -> Reference | None:
        """The operator's pose on the robot's body; None when the operator has finished."""
        pose = self._operator.pose()
        return None if pose is None else self._retargeted(pose, observation.stamp_ns)

    def _retargeted(self, pose: OperatorPose, stamp_ns: int) -> Reference:
        iterations = _START_ITERATIONS if self._yaw_rate is None else None
        self._configuration = self._ik.solve(pose.targets, self._configuration, iterations)
        roll, pitch, yaw = roll_pitch_yaw_from_quat(self._configuration.quat_world_from_pelvis_wxyz)
        self._yaw_rate = filter_yaw_rate(self._yaw_rate, stamp_ns, float(yaw))
        root = np.array([roll, pitch, self._yaw_rate.rate_rad_s])
        return Reference(stamp_ns, pack(self._configuration.joint_position_rad, pose.gripper_opening, root))
