"""Operators: a person or a script that commands hands, feet and pelvis."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from hlm.control.inverse_kinematics import BodyTargets
from hlm.control.model import Configuration
from hlm.core.arrays import FloatArray


class OperatorPose(NamedTuple):
    """Command of an operator at one instant.

    Attributes:
        targets: targets of hands, feet and pelvis in the operator's world.
        gripper_opening: [2] left, right; 1 = open.
        configuration: the robot's, of an operator who keeps limits of its own; None leaves the inverse kinematics to
            whoever follows the targets.
    """

    targets: BodyTargets
    gripper_opening: FloatArray
    configuration: Configuration | None = None


class Operator(Protocol):
    """Commands the body, step by step."""

    def reset(self) -> Configuration:
        """Start an episode; returns the robot's configuration in the operator's world."""
        ...

    def pose(self) -> OperatorPose | None:
        """The command of the next step; None when the operator has finished."""
        ...
