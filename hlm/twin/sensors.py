"""Sensors of a twin: noise and age of what a simulated robot measures exactly."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

import mujoco
import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.layout import JOINTS
from hlm.sim.robot import SimulatedRobot
from hlm.sim.world import TIME_STEP_NS

# Standard deviations: an encoder behind a gear, its derivative, and a small inertial unit with fused tilt.
POSITION_RAD = 3e-4
VELOCITY_RAD_S = 0.02
GYROSCOPE_RAD_S = 0.005
TILT_RAD = 5e-4
ACCELEROMETER_M_S2 = 0.02
_GRAVITY_M_S2 = np.array([0.0, 0.0, 9.81])
# Drawing many numbers at once costs as much as drawing a few, and 500 times a second is often.
_DRAWN = 256
# Gyroscope, accelerometer and tilt of the pelvis, tilt of the torso.
_OTHERS = 12


class Measured(NamedTuple):
    """What a robot says about itself at one instant.

    Attributes:
        position_rad: [29] motor order.
        velocity_rad_s: [29] motor order.
        torque_nm: [29] motor order.
        quat_wxyz: [4] orientation of the pelvis in the world.
        angular_velocity_rad_s: [3] gyroscope of the pelvis, in the pelvis.
        acceleration_m_s2: [3] accelerometer of the pelvis, in the pelvis; gravity alone.
        torso_quat_wxyz: [4] orientation of the torso in the world, by a unit of its own.
        gripper_opening: [2] left, right.
    """

    position_rad: FloatArray
    velocity_rad_s: FloatArray
    torque_nm: FloatArray
    quat_wxyz: FloatArray
    angular_velocity_rad_s: FloatArray
    acceleration_m_s2: FloatArray
    torso_quat_wxyz: FloatArray
    gripper_opening: FloatArray


class Sensors:
    """Measures a simulated robot as a real one measures itself.

    Args:
        noise: scale of the noise; 0 is exact, but for the accelerometer.
        delay_s: age of what is told.
        seed: of the noise.
    """

    def __init__(self, noise: float, delay_s: float, seed: int) -> None:
        self._noise = noise
        self._rng = np.random.default_rng(seed)
        self._drawn: FloatArray = np.empty((0, 2 * JOINTS + _OTHERS))
        self._next = 0
        self._kept: deque[Measured] = deque(maxlen=1 + round(delay_s * NS_PER_S / TIME_STEP_NS))

    def measure(self, robot: SimulatedRobot) -> Measured:
        """What the robot tells now: a measurement of a while ago, if sensors are slow.

        Raises:
            SimulationError: the world blew up.
        """
        true, drawn = robot.read(), self._draw()
        noise = self._noise * drawn
        quat = _turned(true.quat_world_from_pelvis_wxyz, TILT_RAD * noise[-9:-6])
        away = np.empty(4)
        mujoco.mju_negQuat(away, quat)
        level = np.empty(3)
        mujoco.mju_rotVecQuat(level, _GRAVITY_M_S2, away)
        measured = Measured(
            position_rad=true.joint_position_rad + POSITION_RAD * noise[:JOINTS],
            velocity_rad_s=true.joint_velocity_rad_s + VELOCITY_RAD_S * noise[JOINTS : 2 * JOINTS],
            torque_nm=robot.motor_torque_nm(),
            quat_wxyz=quat,
            angular_velocity_rad_s=true.angular_velocity_pelvis_in_pelvis_rad_s + GYROSCOPE_RAD_S * noise[-6:-3],
            acceleration_m_s2=level + ACCELEROMETER_M_S2 * max(1.0, self._noise) * drawn[-3:],
            gripper_opening=true.gripper_opening,
            torso_quat_wxyz=_turned(robot.torso_orientation(), TILT_RAD * noise[-12:-9]),
        )
        self._kept.append(measured)
        return self._kept[0]

    def _draw(self) -> FloatArray:
        """Independent standard normal numbers."""
        if self._next == len(self._drawn):
            self._drawn, self._next = self._rng.normal(size=(_DRAWN, 2 * JOINTS + _OTHERS)), 0
        self._next += 1
        row: FloatArray = self._drawn[self._next - 1]
        return row


def _turned(quat_wxyz: FloatArray, by_rad: FloatArray) -> FloatArray:
    """An orientation, turned by a small [3] angle in its own frame."""
    turned = np.empty(4)
    mujoco.mju_mulQuat(turned, quat_wxyz, np.array([1.0, *(0.5 * by_rad)]))
    mujoco.mju_normalize4(turned)
    return turned


def roll_pitch_yaw(quat_wxyz: FloatArray) -> list[float]:
    """Roll, pitch, yaw in rad of a unit quaternion, as `hlm.core.rotations.roll_pitch_yaw_from_quat` but in 2 us."""
    w, x, y, z = quat_wxyz.tolist()
    return [
        math.atan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y)),
        math.asin(max(-1.0, min(1.0, 2.0 * (w * y - z * x)))),
        math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z)),
    ]
