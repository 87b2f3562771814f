"""Leg odometry: pose and velocity of the pelvis from joints, inertial unit and stance feet."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from hlm.control.model import BASE_DOFS, DOFS, BodyModel
from hlm.core.arrays import FloatArray
from hlm.core.values import RobotState

_CONFIGURATION_SIZE = 36


class LegOdometry:
    """Dead reckoning from the stance feet on level ground of height 0; orientation comes from the inertial unit.

    Args:
        model: the robot.
        anchor_time_constant_s: time constant with which a foot's anchor follows where the other foot puts it.

    Attributes:
        position: [36] Pinocchio's configuration vector of the last update; overwritten by the next.
        velocity: [35] Pinocchio's velocity vector of the last update; overwritten by the next.
    """

    def __init__(self, model: BodyModel, anchor_time_constant_s: float = 0.5) -> None:
        self._model = model
        self._data = model.data()
        self._anchor_time_constant_s = anchor_time_constant_s
        self._anchor_m = np.zeros((2, 3))
        self._stamp_ns = 0
        self.position = np.zeros(_CONFIGURATION_SIZE)
        self.velocity = np.zeros(DOFS)

    def reset(self, state: RobotState) -> None:
        """Start with the middle of the soles above the origin and the lower sole on the ground."""
        self._stamp_ns = state.stamp_ns
        sole_m, _ = self._soles_from_pelvis(state)
        shift_m = np.array([*sole_m[:, :2].mean(axis=0), sole_m[:, 2].min()])
        self._anchor_m = sole_m - shift_m
        self.update(state, np.array([0.5, 0.5]))

    def update(self, state: RobotState, load: FloatArray) -> None:
        """Integrate a measurement.

        Args:
            state: the measurement.
            load: [foot] weight of each foot, >= 0 and not all 0: its load; 0 for a foot in the air.
        """
        load_fraction = load / load.sum()
        sole_m, sole_velocity_m_s = self._soles_from_pelvis(state)
        rotation = self._data.oMi[1].rotation
        pelvis_m = load_fraction @ (self._anchor_m - sole_m)
        self.position[:3] = pelvis_m
        self.velocity[:3] = rotation.T @ -(load_fraction @ sole_velocity_m_s)
        dt_s = max((state.stamp_ns - self._stamp_ns) * 1e-9, 0.0)
        self._stamp_ns = state.stamp_ns
        self._update_anchors(pelvis_m + sole_m, load, min(dt_s / self._anchor_time_constant_s, 1.0))

    def _update_anchors(self, sole_in_world_m: FloatArray, load: FloatArray, gain: float) -> None:
        """Make slipping feet agree again, keep the ground at height 0, and carry a swing foot's anchor along."""
        for foot in range(2):
            if load[foot] <= 0.0:
                self._anchor_m[foot] = sole_in_world_m[foot]
            else:
                self._anchor_m[foot] += gain * (sole_in_world_m[foot] - self._anchor_m[foot])
                self._anchor_m[foot, 2] -= gain * self._anchor_m[foot, 2]

    def _soles_from_pelvis(self, state: RobotState) -> tuple[FloatArray, FloatArray]:
        """[foot, 3] positions (m) and velocities (m/s) of the soles relative to the pelvis, world axes."""
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
