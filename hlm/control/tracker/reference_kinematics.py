"""Forward kinematics of reference vectors, which hold neither position nor heading."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pinocchio as pin

from hlm.control.model import BodyModel
from hlm.core.arrays import FloatArray
from hlm.core.layout import WholeBody


class PelvisKinematics(NamedTuple):
    """Centre of mass and soles with the pelvis at the origin, facing x.

    Attributes:
        com_m: [3] centre of mass.
        sole_m: [foot, 3] sole centres.
        sole_roll_pitch_yaw_rad: [foot, 3].
    """

    com_m: FloatArray
    sole_m: FloatArray
    sole_roll_pitch_yaw_rad: FloatArray


class ReferenceKinematics:
    """Forward kinematics of a robot.

    Args:
        model: the robot.
    """

    def __init__(self, model: BodyModel) -> None:
        self._model = model
        self._data = model.data()

    def of(self, body: WholeBody) -> PelvisKinematics:
        """Kinematics of an unpacked reference vector."""
        model, data = self._model.pin_model, self._data
        tilt = pin.Quaternion(pin.rpy.rpyToMatrix(body.root[0], body.root[1], 0.0))
        com_m = pin.centerOfMass(model, data, np.concatenate([np.zeros(3), tilt.coeffs(), body.joint_position_rad]))
        sole_m, roll_pitch_yaw_rad = np.empty((2, 3)), np.empty((2, 3))
        for foot, frame in enumerate(self._model.sole_frames):
            placement = pin.updateFramePlacement(model, data, frame)
            sole_m[foot] = placement.translation
            roll_pitch_yaw_rad[foot] = pin.rpy.matrixToRpy(placement.rotation)
        return PelvisKinematics(com_m, sole_m, roll_pitch_yaw_rad)
