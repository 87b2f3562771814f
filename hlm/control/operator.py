"""What an operator says with the body: where hands, feet and pelvis should be, from a person or from a script."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from hlm.control.inverse_kinematics import BodyTargets
from hlm.control.model import Configuration
from hlm.core.arrays import FloatArray


class OperatorPose(NamedTuple):
    """One instant of an operator.

    Attributes:
        targets: of hands, feet and pelvis in the world where the episode's feet stand.
        gripper_opening: [2] left, right; 1 = open.
    """

    targets: BodyTargets
    gripper_opening: FloatArray


class Operator(Protocol):
    """Somebody who moves."""

    def reset(self) -> Configuration:
        """Start an episode; returns the robot's configuration in the operator's world."""
        ...

    def pose(self) -> OperatorPose | None:
        """Where the body should be now, called once a row; None when the operator has finished."""
        ...
