"""Where the pelvis is and how fast it moves, from joints, inertial unit and the feet that stand."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from hlm.control.model import BASE_DOFS, DOFS, BodyModel
from hlm.core.arrays import FloatArray
from hlm.core.values import RobotState

_POSITION_SIZE = 36


class LegOdometry:
    """Dead reckoning from standing feet on level ground of height 0; orientation and its rate are the inertial unit's.

    After each update `position` and `velocity` are Pinocchio's configuration and velocity vectors. Both are reused.

    Args:
        model: the body.
        settle_s: time constant with which a foot's remembered place follows where the others put it.
    """

    def __init__(self, model: BodyModel, settle_s: float = 0.5) -> None:
        self._model = model
        self._data = model.data()
        self._settle_s = settle_s
        self._anchors_m = np.zeros((2, 3))
        self._stamp_ns = 0
        self.position = np.zeros(_POSITION_SIZE)
        self.velocity = np.zeros(DOFS)

    def reset(self, state: RobotState) -> None:
        """Start with the middle of the soles over the origin and the lower sole on the ground."""
        self._stamp_ns = state.stamp_ns
        soles_m, _ = self._soles_from_pelvis(state)
        shift_m = np.array([*soles_m[:, :2].mean(axis=0), soles_m[:, 2].min()])
        self._anchors_m = soles_m - shift_m
        self.update(state, np.array([0.5, 0.5]))

    def update(self, state: RobotState, weights: FloatArray) -> None:
        """Take a measurement.

        Args:
            state: what was measured.
            weights: [2] how much each foot counts, at least one > 0: its share of the load; 0 for a foot in the air.
        """
        share = weights / weights.sum()
        soles_m, soles_m_s = self._soles_from_pelvis(state)
        rotation = self._data.oMi[1].rotation
        pelvis_m = share @ (self._anchors_m - soles_m)
        self.position[:3] = pelvis_m
        self.velocity[:3] = rotation.T @ -(share @ soles_m_s)
        dt_s = (state.stamp_ns - self._stamp_ns) * 1e-9
        self._stamp_ns = state.stamp_ns
        self._settle(pelvis_m + soles_m, weights, min(dt_s / self._settle_s, 1.0))

    def _settle(self, soles_in_world_m: FloatArray, weights: FloatArray, rate: float) -> None:
        """Let feet that slip or creep agree again, and keep the ground at height 0; a lifted foot has no place."""
        for foot in range(2):
            if weights[foot] <= 0.0:
                self._anchors_m[foot] = soles_in_world_m[foot]
            else:
                self._anchors_m[foot] += rate * (soles_in_world_m[foot] - self._anchors_m[foot])
                self._anchors_m[foot, 2] -= rate * self._anchors_m[foot, 2]

    def _soles_from_pelvis(self, state: RobotState) -> tuple[FloatArray, FloatArray]:
        """[foot, 3] sole centres and their velocities seen from a pelvis that stands still, in world axes."""
        model, data = self._model.pin_model, self._data
        quat_wxyz = state.quat_world_from_pelvis_wxyz
        self.position[:3] = 0.0
        self.position[3:7] = quat_wxyz[[1, 2, 3, 0]] / np.linalg.norm(quat_wxyz)
        self.position[7:] = state.joint_position_rad
        self.velocity[:3] = 0.0
        self.velocity[3:BASE_DOFS] = state.angular_velocity_pelvis_in_pelvis_rad_s
        self.velocity[BASE_DOFS:] = state.joint_velocity_rad_s
        pin.forwardKinematics(model, data, self.position, self.velocity)
        position_m, velocity_m_s = np.empty((2, 3)), np.empty((2, 3))
        for foot, frame in enumerate(self._model.sole_frames):
            position_m[foot] = pin.updateFramePlacement(model, data, frame).translation
            motion = pin.getFrameVelocity(model, data, frame, pin.ReferenceFrame.LOCAL_WORLD_ALIGNED)
            velocity_m_s[foot] = motion.linear
        return position_m, velocity_m_s
