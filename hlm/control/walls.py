"""Distances between parts of the body that inverse kinematics keeps: stiff springs, which push only when pressed."""

from __future__ import annotations

import numpy as np

from hlm.control.model import BASE_DOFS, DOFS
from hlm.control.self_distance import Gaps, SelfDistance
from hlm.core.arrays import BoolArray, FloatArray

# Against hands that count 5 /m and pull from 0.15 m away, springs give way by less than what they stand before. That is
# little, because hands that hang are 1.6 cm from the hips.
_WEIGHT_PER_M, _BEFORE_M = 100.0, 0.001
# Pairs that may come too near in one iteration.
_SOON_M = 0.06


class Walls:
    """Keeps the shapes of a body apart; part of the cost of `hlm.control.inverse_kinematics.WholeBodyIK`.

    Args:
        distance: of the body from itself.
        least_m: nearest that two shapes should come.
    """

    def __init__(self, distance: SelfDistance, least_m: float) -> None:
        self._distance = distance
        self._stand_m = least_m + _BEFORE_M

    def near(self, joint_position_rad: FloatArray) -> Gaps:
        """The pairs of shapes that may come too near soon, at [29] joint angles."""
        return self._distance.gaps(joint_position_rad, self._stand_m + _SOON_M)

    def cost(self, gaps: Gaps) -> float:
        """What the pairs add to the cost."""
        pressed_m = np.maximum(self._stand_m - gaps.distance_m, 0.0)
        return float(_WEIGHT_PER_M**2 * (pressed_m @ pressed_m))

    def pressed(self, gaps: Gaps, step: FloatArray) -> BoolArray:
        """[pair] whether a pair would come too near.

        Args:
            gaps: the pairs that are near.
            step: [dof] change of the configuration.
        """
        too_near: BoolArray = gaps.distance_m + gaps.gradient_m_rad @ step[BASE_DOFS:] < self._stand_m
        return too_near

    def rows(self, gaps: Gaps, pressed: BoolArray) -> tuple[FloatArray, FloatArray]:
        """[row, dof] weighted Jacobian, and [row] weighted errors, of the pairs that press.

        Args:
            gaps: the pairs that are near.
            pressed: [pair].
        """
        jacobian = np.zeros((int(pressed.sum()), DOFS))
        jacobian[:, BASE_DOFS:] = _WEIGHT_PER_M * gaps.gradient_m_rad[pressed]
        return jacobian, _WEIGHT_PER_M * (self._stand_m - gaps.distance_m[pressed])
