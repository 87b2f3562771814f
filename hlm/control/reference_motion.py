"""The motion that the reference stream means: joints, feet and a feasible centre of mass on an even time grid.

The stream says neither where the body is nor which way it faces. Both follow from the feet that stand: each slot is
placed so that they do not move, so everything is relative to the reference's own feet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from hlm.control.config import PendulumConfig, StreamConfig
from hlm.control.model import GRAVITY_M_S2, BodyModel
from hlm.control.pendulum import fit_pendulum, pendulum_maps
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.layout import unpack
from hlm.core.rotations import matrix_from_yaw, wrap_angle

# Columns of a slot's row. The first are smoothed by a cubic in time; the others are interpolated linearly.
_JOINTS = slice(0, 29)
_ROLL_PITCH_YAW = slice(29, 32)
_COM = slice(32, 35)
_SMOOTHED = slice(0, 35)
_GRIPPERS = slice(35, 37)
_SOLES = slice(37, 43)
_SOLE_YAWS = slice(43, 45)
_FIT_POSITION = slice(45, 47)
_FIT_VELOCITY = slice(47, 49)
_PRESSURE = slice(49, 51)
_COLUMNS = 51

_CUBIC_SLOTS = 6  # the cubic is fitted over this many slots to either side
_MEAN_SLOTS = 5  # the expected pressure point is the mean over this many slots to either side
_AHEAD_SLOTS = 50  # references may be this far ahead of what is played
_LEAST_HEIGHT_M = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceSample:
    """The reference at one instant, in the reference's own world.

    Attributes:
        joint_position_rad: [joint].
        joint_velocity_rad_s: [joint].
        joint_acceleration_rad_s2: [joint].
        gripper_opening: [2].
        roll_pitch_yaw_rad: [3] of the pelvis.
        roll_pitch_yaw_rad_s: [3] their rates.
        roll_pitch_yaw_rad_s2: [3] the rates' rates.
        center_of_mass_m: [3] the fitted pendulum's, smoothed in height.
        center_of_mass_m_s: [3] its velocity.
        height_m_s2: vertical acceleration.
        pressure_m: [2] zero-moment point.
        sole_m: [foot, 3] sole centres.
        sole_yaw_rad: [foot].
    """

    joint_position_rad: FloatArray
    joint_velocity_rad_s: FloatArray
    joint_acceleration_rad_s2: FloatArray
    gripper_opening: FloatArray
    roll_pitch_yaw_rad: FloatArray
    roll_pitch_yaw_rad_s: FloatArray
    roll_pitch_yaw_rad_s2: FloatArray
    center_of_mass_m: FloatArray
    center_of_mass_m_s: FloatArray
    height_m_s2: float
    pressure_m: FloatArray
    sole_m: FloatArray
    sole_yaw_rad: FloatArray


class ReferenceMotion:
    """A window of slots of the reference stream, newest last.

    Args:
        model: the body.
        stream: grid and window.
        pendulum: standard deviations of the fit.
    """

    def __init__(self, model: BodyModel, stream: StreamConfig, pendulum: PendulumConfig) -> None:
        self._model = model
        self._data = model.data()
        self._pendulum = pendulum
        self._dt_s = 1.0 / stream.rate_hz
        self._fitted = round((stream.past_s + stream.latency_s) * stream.rate_hz) + 1
        self._rows = np.zeros((self._fitted + _AHEAD_SLOTS, _COLUMNS))
        self._sigma_m = np.full(self._fitted - 1, pendulum.pressure_standing_m)
        self._maps: dict[int, tuple[FloatArray, FloatArray]] = {}
        time_s = self._dt_s * np.arange(-_CUBIC_SLOTS, _CUBIC_SLOTS + 1)
        self._cubic = np.linalg.pinv(np.vander(time_s, 4, increasing=True))
        self._newest_ns = 0

    @property
    def newest_ns(self) -> int:
        """Instant of the newest slot."""
        return self._newest_ns

    def start(self, stamp_ns: int, vector: FloatArray) -> None:
        """Forget everything; until `stamp_ns` the body stands still in the pose of the [34] `vector`."""
        row = self._row(vector, None)
        row[_FIT_POSITION] = row[_PRESSURE] = row[_COM][:2]
        self._rows[:] = row
        self._newest_ns = stamp_ns

    def extend(self, vectors: FloatArray) -> None:
        """Add the next slots of the grid, [new, 34]."""
        for vector in vectors:
            row = self._row(vector, self._rows[-1])
            self._rows[:-1] = self._rows[1:]
            self._rows[-1] = row
            self._newest_ns += round(self._dt_s * NS_PER_S)
        if len(vectors) > 0:
            self._fit()

    def sample(self, instant_ns: int) -> ReferenceSample:
        """The reference at an instant; the ends of the window are held."""
        last = len(self._rows) - 1
        place = last - (self._newest_ns - instant_ns) / NS_PER_S / self._dt_s
        place = min(max(place, 0.0), float(last))
        low = min(int(place), last - 1)
        share = place - low
        row = (1.0 - share) * self._rows[low] + share * self._rows[low + 1]
        slots = np.clip(np.arange(low - _CUBIC_SLOTS, low + _CUBIC_SLOTS + 1), 0, last)
        time_s = share * self._dt_s
        powers = np.array(
            [
                [1.0, time_s, time_s**2, time_s**3],
                [0.0, 1.0, 2.0 * time_s, 3.0 * time_s**2],
                [0.0, 0.0, 2.0, 6.0 * time_s],
            ]
        )
        value, rate, second = (powers @ self._cubic) @ self._rows[slots, _SMOOTHED]
        height = _COM.stop - 1
        return ReferenceSample(
            joint_position_rad=value[_JOINTS],
            joint_velocity_rad_s=rate[_JOINTS],
            joint_acceleration_rad_s2=second[_JOINTS],
            gripper_opening=row[_GRIPPERS],
            roll_pitch_yaw_rad=value[_ROLL_PITCH_YAW],
            roll_pitch_yaw_rad_s=rate[_ROLL_PITCH_YAW],
            roll_pitch_yaw_rad_s2=second[_ROLL_PITCH_YAW],
            center_of_mass_m=np.array([*row[_FIT_POSITION], value[height]]),
            center_of_mass_m_s=np.array([*row[_FIT_VELOCITY], rate[height]]),
            height_m_s2=float(second[height]),
            pressure_m=row[_PRESSURE],
            sole_m=row[_SOLES].reshape(2, 3),
            sole_yaw_rad=row[_SOLE_YAWS],
        )

    def _row(self, vector: FloatArray, previous: FloatArray | None) -> FloatArray:
        """[column] row of a [34] vector, placed so that the feet stay where the previous row has them."""
        joints, grippers, root = unpack(vector)
        soles_m, sole_yaws, com_m = self._body_at_origin(joints, root[:2])
        share = load_share(soles_m, com_m)
        yaw = 0.0
        if previous is None:
            shift_m = np.array([0.0, 0.0, -(share @ soles_m[:, 2])])
        else:
            yaw = float(share @ (previous[_SOLE_YAWS] - sole_yaws))
            turned_m = soles_m @ matrix_from_yaw(yaw).T
            shift_m = share @ (previous[_SOLES].reshape(2, 3) - turned_m)
        turn = matrix_from_yaw(yaw)
        row = np.zeros(_COLUMNS)
        row[_JOINTS] = joints
        row[_GRIPPERS] = grippers
        row[_ROLL_PITCH_YAW] = root[0], root[1], yaw
        row[_COM] = turn @ com_m + shift_m
        row[_SOLES] = (soles_m @ turn.T + shift_m).ravel()
        row[_SOLE_YAWS] = yaw + sole_yaws
        return row

    def _body_at_origin(
        self, joints_rad: FloatArray, roll_pitch_rad: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """[foot, 3] soles, [foot] their yaws and [3] centre of mass, pelvis at the origin and facing x."""
        model, data = self._model.pin_model, self._data
        tilt = pin.Quaternion(pin.rpy.rpyToMatrix(roll_pitch_rad[0], roll_pitch_rad[1], 0.0))
        position = np.concatenate([np.zeros(3), tilt.coeffs(), joints_rad])
        com_m = pin.centerOfMass(model, data, position).copy()
        soles_m, yaws = np.empty((2, 3)), np.empty(2)
        for foot, frame in enumerate(self._model.sole_frames):
            placement = pin.updateFramePlacement(model, data, frame)
            soles_m[foot] = placement.translation
            yaws[foot] = np.arctan2(placement.rotation[1, 0], placement.rotation[0, 0])
        return soles_m, wrap_angle(yaws), com_m

    def _fit(self) -> None:
        """Fit the pendulum to the newest part of the window."""
        rows = self._rows[-self._fitted :]
        height_m = max(float(rows[:, _COM.stop - 1].mean() - rows[-1, _SOLES][2::3].mean()), _LEAST_HEIGHT_M)
        centimetres = round(100.0 * height_m)
        if centimetres not in self._maps:
            frequency_rad_s = float(np.sqrt(GRAVITY_M_S2 / (0.01 * centimetres)))
            self._maps[centimetres] = pendulum_maps(frequency_rad_s, self._dt_s, self._fitted)
        com_m = rows[:, _COM][:, :2]
        arrival = rows[0, _FIT_POSITION.start : _FIT_VELOCITY.stop].reshape(2, 2)
        motion = fit_pendulum(
            com_m, _running_mean(com_m)[:-1], self._sigma_m, arrival, self._maps[centimetres], self._pendulum
        )
        rows[:, _FIT_POSITION] = motion.position_m
        rows[:, _FIT_VELOCITY] = motion.velocity_m_s
        rows[:, _PRESSURE] = motion.pressure_m


def load_share(soles_m: FloatArray, point_m: FloatArray) -> FloatArray:
    """[2] share of the load on the left and right foot when it acts at `point_m`, by its place between the soles.

    Args:
        soles_m: [foot, 3] sole centres.
        point_m: [2] or [3] where the load acts.
    """
    across = soles_m[1, :2] - soles_m[0, :2]
    right = float((point_m[:2] - soles_m[0, :2]) @ across) / max(float(across @ across), 1e-6)
    right = min(max(right, 0.0), 1.0)
    return np.array([1.0 - right, right])


def _running_mean(values: FloatArray) -> FloatArray:
    """[time, ...] mean over `_MEAN_SLOTS` to either side, the ends held."""
    padded = np.concatenate([values[:1].repeat(_MEAN_SLOTS, 0), values, values[-1:].repeat(_MEAN_SLOTS, 0)])
    total = np.concatenate([np.zeros((1, *values.shape[1:])), padded.cumsum(axis=0)])
    width = 2 * _MEAN_SLOTS + 1
    return (total[width:] - total[:-width]) / width
