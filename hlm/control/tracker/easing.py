"""Easing: a reference that starts at the measured pose and returns to itself, when a body is taken over elsewhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pinocchio as pin

from hlm.control.interpolation import smoothstep
from hlm.control.tracker.body_dynamics import BodyDynamics
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.core.arrays import FloatArray
from hlm.core.layout import JOINTS, MOTOR_ARMS

_SHORTEST_S = 0.3
_MAX_JOINT_SPEED_RAD_S = 1.0
_MAX_HEIGHT_SPEED_M_S = 0.2


class Easing:
    """Offset of the measured pose from the reference, which fades; arms may be left to the reference.

    It holds legs, waist, roll and pitch of the pelvis, and the height of the centre of mass.
    """

    def __init__(self) -> None:
        self.stop()

    def stop(self) -> None:
        """Leave the reference as it is."""
        self._elapsed_s = self._duration_s = 0.0
        self._joint_rad: FloatArray = np.zeros(JOINTS)
        self._pelvis_rad: FloatArray = np.zeros(3)
        self._height_m = 0.0

    def start(
        self, sample: ReferenceSample, body: BodyDynamics, joint_position_rad: FloatArray, *, arms: bool = False
    ) -> None:
        """Start at a measured pose.

        Args:
            sample: the reference now.
            body: the robot now.
            joint_position_rad: [29] its joints.
            arms: arms too.
        """
        self._joint_rad = joint_position_rad - sample.joint_position_rad
        if not arms:
            self._joint_rad[MOTOR_ARMS] = 0.0
        angles_rad = pin.rpy.matrixToRpy(body.rotation_world_from_pelvis)
        self._pelvis_rad = np.array([*(angles_rad - sample.pelvis_roll_pitch_yaw_rad)[:2], 0.0])
        height_m = body.com_position_m[2] - body.sole_position_m[:, 2].mean()
        self._height_m = float(height_m - (sample.com_position_m[2] - sample.sole_position_m[:, 2].mean()))
        # Smoothsteps are half as fast again in their middle as on average.
        self._duration_s = max(
            _SHORTEST_S,
            1.5 * float(np.abs(self._joint_rad).max()) / _MAX_JOINT_SPEED_RAD_S,
            1.5 * abs(self._height_m) / _MAX_HEIGHT_SPEED_M_S,
        )
        self._elapsed_s = 0.0

    def eased(self, sample: ReferenceSample, dt_s: float) -> ReferenceSample:
        """The reference `dt_s` later than the last one."""
        self._elapsed_s += dt_s
        if self._elapsed_s >= self._duration_s:
            return sample
        done = self._elapsed_s / self._duration_s
        left, rate = 1.0 - float(smoothstep(done)), -6.0 * done * (1.0 - done) / self._duration_s
        up = np.array([0.0, 0.0, self._height_m])
        return replace(
            sample,
            joint_position_rad=sample.joint_position_rad + left * self._joint_rad,
            joint_velocity_rad_s=sample.joint_velocity_rad_s + rate * self._joint_rad,
            pelvis_roll_pitch_yaw_rad=sample.pelvis_roll_pitch_yaw_rad + left * self._pelvis_rad,
            pelvis_roll_pitch_yaw_rate_rad_s=sample.pelvis_roll_pitch_yaw_rate_rad_s + rate * self._pelvis_rad,
            com_position_m=sample.com_position_m + left * up,
            com_velocity_m_s=sample.com_velocity_m_s + rate * up,
        )
