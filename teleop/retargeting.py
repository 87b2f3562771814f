"""Retargeting: the hands, feet and pelvis of an operator become the 34-D reference by whole-body inverse kinematics."""

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

# The first pose may be far from the robot's.
_FIRST_ITERATIONS = 30


class RetargetedSource:
    """Retargets an operator to the robot; implements `hlm.core.protocols.ReferenceSource`.

    Args:
        operator: the person or script whose poses are retargeted.
        embodiment: the robot they are retargeted to.
        config: weights and limits of the inverse kinematics; the defaults when None.
    """

    def __init__(self, operator: Operator, embodiment: Embodiment, config: IKConfig | None = None) -> None:
        self._operator = operator
        self._ik = WholeBodyIK(BodyModel(embodiment), config)
        self._configuration = Configuration.standing(embodiment)
        self._yaw_rate: YawRate | None = None

    def reset(self, observation: Observation) -> None:
        """Start the operator, and retargeting from the configuration that it returns."""
        del observation  # the operator knows the robot's configuration in its own frame
        self._configuration = self._operator.reset()
        self._yaw_rate = None

    def reference(self, observation: Observation) -> Reference | None:
        """The operator's pose retargeted to the robot; None when the operator has finished."""
        pose = self._operator.pose()
        return None if pose is None else self._retargeted(pose, observation.stamp_ns)

    def _retargeted(self, pose: OperatorPose, stamp_ns: int) -> Reference:
        iterations = _FIRST_ITERATIONS if self._yaw_rate is None else None
        self._configuration = self._ik.solve(pose.targets, self._configuration, iterations)
        roll, pitch, yaw = roll_pitch_yaw_from_quat(self._configuration.quat_world_from_pelvis_wxyz)
        self._yaw_rate = filter_yaw_rate(self._yaw_rate, stamp_ns, float(yaw))
        root = np.array([roll, pitch, self._yaw_rate.rate_rad_s])
        return Reference(stamp_ns, pack(self._configuration.joint_position_rad, pose.gripper_opening, root))
