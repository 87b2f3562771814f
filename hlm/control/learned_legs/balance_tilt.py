"""The tilt of gravity that makes a policy lean against arms that it does not see."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from hlm.control.learned_legs.velocity_policy import NEUTRAL_RAD
from hlm.control.model import BodyModel
from hlm.core.arrays import FloatArray
from hlm.core.layout import MOTOR_ARMS, MOTOR_WAIST

COM_HEIGHT_M = 0.68
"""Height of the centre of mass in the policy's stance."""


class BalanceTilt:
    """Tilt of gravity in the pelvis frame whose moment is that of the arms' distance from neutral and the waist's bend.

    Args:
        model: the robot.
    """

    def __init__(self, model: BodyModel) -> None:
        self._model = model.pin_model
        self._data = model.data()
        self._position = np.zeros(self._model.nq)
        self._position[6] = 1.0

    def of(self, joint_position_rad: FloatArray, waist_rad: FloatArray) -> FloatArray:
        """[2] forward and leftward tilt, 1.

        Args:
            joint_position_rad: [29] measured pose.
            waist_rad: [3] what the waist is bent by.
        """
        neutral_rad = joint_position_rad.copy()
        neutral_rad[MOTOR_ARMS] = NEUTRAL_RAD[MOTOR_ARMS]
        neutral_rad[MOTOR_WAIST] -= waist_rad
        return (self._com_m(joint_position_rad) - self._com_m(neutral_rad)) / COM_HEIGHT_M

    def _com_m(self, joint_position_rad: FloatArray) -> FloatArray:
        """[2] centre of mass in the pelvis frame."""
        self._position[7:] = joint_position_rad
        com_m: FloatArray = np.array(pin.centerOfMass(self._model, self._data, self._position)[:2])
        return com_m
