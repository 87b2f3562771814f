"""Retargeting: the hands, feet and pelvis of an operator become the 34-D reference by whole-body inverse kinematics."""

from __future__ import annotations

from hlm.control.inverse_kinematics import IKConfig, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.control.operator import Operator, OperatorPose
from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.values import Observation, Reference
from hlm.teleop.reference_vectors import ReferenceVectors

# The first pose may be far from the robot's.
_FIRST_ITERATIONS = 30


class PoseRetargeter:
    """Retargets one pose after the other.

    Args:
        embodiment: the robot that they are retargeted to.
        config: weights and limits of the inverse kinematics; the defaults when None. Poses that say the robot's
            configuration need none.
    """

    def __init__(self, embodiment: Embodiment, config: IKConfig | None = None) -> None:
        self._ik = WholeBodyIK(BodyModel(embodiment), config)
        self._configuration = Configuration.standing(embodiment)
        self._vectors: ReferenceVectors | None = None

    def reset(self, configuration: Configuration) -> None:
        """Start from a configuration of the robot in the operator's world."""
        self._configuration = configuration
        self._vectors = None

    def vector(self, pose: OperatorPose, stamp_ns: int) -> FloatArray:
        """[34] reference of a pose at an instant."""
        iterations = _FIRST_ITERATIONS if self._vectors is None else None
        self._vectors = ReferenceVectors() if self._vectors is None else self._vectors
        solved = pose.configuration
        self._configuration = (
            self._ik.solve(pose.targets, self._configuration, iterations) if solved is None else solved
        )
        return self._vectors.vector(self._configuration, pose.gripper_opening, stamp_ns)


class RetargetedSource:
    """Retargets an operator to the robot; implements `hlm.core.protocols.ReferenceSource`.

    Args:
        operator: the person or script whose poses are retargeted.
        embodiment: the robot they are retargeted to.
        config: weights and limits of the inverse kinematics; the defaults when None.
    """

    def __init__(self, operator: Operator, embodiment: Embodiment, config: IKConfig | None = None) -> None:
        self._operator = operator
        self._retargeter = PoseRetargeter(embodiment, config)

    def reset(self, observation: Observation) -> None:
        """Start the operator, and retargeting from the configuration that it returns."""
        del observation  # the operator knows the robot's configuration in its own frame
        self._retargeter.reset(self._operator.reset())

    def reference(self, observation: Observation) -> Reference | None:
        """The operator's pose retargeted to the robot; None when the operator has finished."""
        pose = self._operator.pose()
        stamp_ns = observation.stamp_ns
        return None if pose is None else Reference(stamp_ns, self._retargeter.vector(pose, stamp_ns))
