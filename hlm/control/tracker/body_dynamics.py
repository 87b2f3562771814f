"""Dynamics and kinematics of the body at one state, computed once a tick."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from hlm.control.model import DOFS, BodyModel
from hlm.core.arrays import FloatArray

_STRICT_LOWER = np.tril_indices(DOFS, -1)


class BodyDynamics:
    """Inertia, bias forces, centre of mass and soles; the arrays are overwritten by the next `update`.

    Args:
        model: the robot.

    Attributes:
        inertia: [dof, dof] joint-space inertia matrix.
        bias: [dof] Coriolis, centrifugal and gravity forces.
        rotation_world_from_pelvis: [3, 3].
        com_position_m: [3] centre of mass in the world.
        com_velocity_m_s: [3].
        angular_momentum_kg_m2_s: [3] about the centre of mass.
        sole_position_m: [foot, 3] sole centres in the world.
        rotation_world_from_sole: [foot, 3, 3].
        sole_velocity: [foot, 6] linear (m/s) and angular (rad/s), world axes.
        sole_jacobian: [foot, 6, dof] linear and angular rows, world axes.
        sole_drift: [foot, 6] sole acceleration at zero joint acceleration, m/s2 and rad/s2.
    """

    def __init__(self, model: BodyModel) -> None:
        self._model = model
        self._data = model.data()
        self._zero_acceleration = np.zeros(DOFS)
        self.inertia = np.zeros((DOFS, DOFS))
        self.bias = np.zeros(DOFS)
        self.rotation_world_from_pelvis = np.eye(3)
        self.com_position_m = np.zeros(3)
        self.com_velocity_m_s = np.zeros(3)
        self.angular_momentum_kg_m2_s = np.zeros(3)
        self.sole_position_m = np.zeros((2, 3))
        self.rotation_world_from_sole = np.zeros((2, 3, 3))
        self.sole_velocity = np.zeros((2, 6))
        self.sole_jacobian = np.zeros((2, 6, DOFS))
        self.sole_drift = np.zeros((2, 6))

    def update(self, position: FloatArray, velocity: FloatArray) -> None:
        """Compute all attributes at Pinocchio's [36] configuration and [35] velocity vectors."""
        model, data = self._model.pin_model, self._data
        pin.computeAllTerms(model, data, position, velocity)
        self.inertia[:] = data.M
        self.inertia[_STRICT_LOWER] = self.inertia.T[_STRICT_LOWER]
        self.bias[:] = data.nle
        self.rotation_world_from_pelvis[:] = data.oMi[1].rotation
        self.com_position_m[:] = data.com[0]
        self.com_velocity_m_s[:] = data.vcom[0]
        self.angular_momentum_kg_m2_s[:] = data.hg.angular
        pin.forwardKinematics(model, data, position, velocity, self._zero_acceleration)
        axes = pin.ReferenceFrame.LOCAL_WORLD_ALIGNED
        for foot, frame in enumerate(self._model.sole_frames):
            placement = pin.updateFramePlacement(model, data, frame)
            self.sole_position_m[foot] = placement.translation
            self.rotation_world_from_sole[foot] = placement.rotation
            self.sole_velocity[foot] = pin.getFrameVelocity(model, data, frame, axes).vector
            self.sole_jacobian[foot] = pin.getFrameJacobian(model, data, frame, axes)
            self.sole_drift[foot] = pin.getFrameClassicalAcceleration(model, data, frame, axes).vector
