"""The motion that the reference stream means: joints, feet, contacts and a feasible centre of mass on an even grid.

The stream says neither where the body is nor which foot it stands on. Contacts follow from the heights of the soles,
and the place of each slot from the feet that stand: they do not move. So everything is relative to the reference's own
feet. Contacts are read anew whenever slots are added, but never where the reference has been played already.
"""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from hlm.control.model import GRAVITY_M_S2, BodyModel
from hlm.control.tracker.config import ContactConfig, PendulumConfig, StreamConfig
from hlm.control.tracker.contacts import label_contacts, load_share, right_share
from hlm.control.tracker.pendulum import expected_pressure, fit_pendulum, pendulum_maps
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.core.arrays import BoolArray, FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.layout import unpack
from hlm.core.rotations import matrix_from_yaw, wrap_angle

# Columns of a slot's row. The body's and the feet's are smoothed by cubics in time, the others interpolated linearly.
_JOINTS = slice(0, 29)
_ROLL_PITCH_YAW = slice(29, 32)
_COM = slice(32, 35)
_BODY = slice(0, 35)
_SOLES = slice(35, 41)
_SOLE_ROLL_PITCH_YAWS = slice(41, 47)
_FEET = slice(35, 47)
_GRIPPERS = slice(47, 49)
_FIT_POSITION = slice(49, 51)
_FIT_VELOCITY = slice(51, 53)
_PRESSURE = slice(53, 55)
_YAW_RATE = 55
_COLUMNS = 56

_BODY_SLOTS = 6  # the body's cubic is fitted over this many slots to either side
_FEET_SLOTS = 3  # the feet's over this many: they change direction faster
_AHEAD_SLOTS = 50  # references may be this far ahead of what is played
_LEAST_HEIGHT_M = 0.25


class ReferenceMotion:
    """A window of slots of the reference stream, newest last.

    Args:
        model: the body.
        stream: grid and window.
        contact: what counts as a lift and a landing.
        pendulum: standard deviations of the fit.
    """

    def __init__(
        self, model: BodyModel, stream: StreamConfig, contact: ContactConfig, pendulum: PendulumConfig
    ) -> None:
        self._model = model
        self._data = model.data()
        self._contact = contact
        self._pendulum = pendulum
        self._dt_s = 1.0 / stream.rate_hz
        self._load_ahead_s = stream.load_ahead_s
        self._fitted = round((stream.past_s + stream.latency_s) * stream.rate_hz) + 1
        slots = self._fitted + _AHEAD_SLOTS
        self._rows = np.zeros((slots, _COLUMNS))
        self._standing = np.ones((slots, 2), dtype=bool)
        # What forward kinematics says with the pelvis at the origin, facing x.
        self._own_soles_m = np.zeros((slots, 2, 3))
        self._own_roll_pitch_yaws = np.zeros((slots, 2, 3))
        self._own_com_m = np.zeros((slots, 3))
        self._right_share = np.zeros(slots)
        self._slots = (
            self._rows,
            self._standing,
            self._own_soles_m,
            self._own_roll_pitch_yaws,
            self._own_com_m,
            self._right_share,
        )
        self._maps: dict[int, tuple[FloatArray, FloatArray]] = {}
        self._body_cubic = _cubic(_BODY_SLOTS, self._dt_s)
        self._feet_cubic = _cubic(_FEET_SLOTS, self._dt_s)
        self._newest_ns = 0

    @property
    def newest_ns(self) -> int:
        """Instant of the newest slot."""
        return self._newest_ns

    def start(self, stamp_ns: int, vector: FloatArray) -> None:
        """Forget everything; until `stamp_ns` the body stands still in the pose of the [34] `vector`."""
        self._rows[-1] = 0.0
        self._standing[-1] = True
        self._take(vector)
        for array in self._slots:
            array[:] = array[-1]
        share = load_share(self._own_soles_m[-1], self._own_com_m[-1])
        self._put(-1, 0.0, np.array([0.0, 0.0, -(share @ self._own_soles_m[-1, :, 2])]))
        row = self._rows[-1]
        row[_FIT_POSITION] = row[_PRESSURE] = row[_COM][:2]
        self._rows[:] = row
        self._newest_ns = stamp_ns

    def extend(self, vectors: FloatArray, played_ns: int) -> None:
        """Add the next slots of the grid, [new, 34]; contacts stay as they are up to the instant that is played."""
        if len(vectors) == 0:
            return
        for vector in vectors:
            for array in self._slots:
                array[:-1] = array[1:]
            self._take(vector)
            self._newest_ns += round(self._dt_s * NS_PER_S)
        self._label(len(vectors), played_ns)
        self._fit()

    def sample(self, instant_ns: int) -> ReferenceSample:
        """The reference at an instant; the ends of the window are held."""
        place = self._slot_at(instant_ns)
        low = min(int(place), len(self._rows) - 2)
        share = place - low
        row = self._between(place)
        value, rate, second = self._smoothed(_BODY, self._body_cubic, low, share)
        sole, sole_rate, sole_second = self._smoothed(_FEET, self._feet_cubic, low, share).reshape(3, 2, 2, 3)
        height = _COM.stop - 1
        lift_s, landing_s = self._events(place)
        standing = self._standing[low].copy()
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
            load_share=self._load_share(place, standing),
            sole_m=sole[0],
            sole_m_s=sole_rate[0],
            sole_m_s2=sole_second[0],
            sole_roll_pitch_yaw_rad=sole[1],
            sole_roll_pitch_yaw_rad_s=sole_rate[1],
            yaw_rate_rad_s=float(row[_YAW_RATE]),
            standing=standing,
            lift_s=lift_s,
            landing_s=landing_s,
            stood_s=self._stood_s(place),
        )

    def _slot_at(self, instant_ns: int) -> float:
        last = len(self._rows) - 1
        place = last - (self._newest_ns - instant_ns) / NS_PER_S / self._dt_s
        return min(max(place, 0.0), float(last))

    def _between(self, place: float) -> FloatArray:
        low = min(int(place), len(self._rows) - 2)
        share = place - low
        between: FloatArray = (1.0 - share) * self._rows[low] + share * self._rows[low + 1]
        return between

    def _smoothed(self, columns: slice, cubic: FloatArray, low: int, share: float) -> FloatArray:
        """[3, column] value, rate and second derivative of the cubic around a slot."""
        reach = cubic.shape[1] // 2
        slots = np.clip(np.arange(low - reach, low + reach + 1), 0, len(self._rows) - 1)
        time_s = share * self._dt_s
        powers = np.array(
            [
                [1.0, time_s, time_s**2, time_s**3],
                [0.0, 1.0, 2.0 * time_s, 3.0 * time_s**2],
                [0.0, 0.0, 2.0, 6.0 * time_s],
            ]
        )
        smoothed: FloatArray = (powers @ cubic) @ self._rows[slots, columns]
        return smoothed

    def _events(self, place: float) -> tuple[FloatArray, FloatArray]:
        """[foot] times until the next lift and until the next landing."""
        low = int(place)
        later = self._standing[low:]
        lifts, lands = later[:-1] & ~later[1:], ~later[:-1] & later[1:]
        times: list[FloatArray] = []
        for changes in (lifts, lands):
            slots = (
                np.where(changes.any(axis=0), low + 1 + changes.argmax(axis=0), np.inf)
                if len(changes)
                else np.full(2, np.inf)
            )
            times.append((slots - place) * self._dt_s)
        return times[0], times[1]

    def _stood_s(self, place: float) -> float:
        alone = np.flatnonzero(~self._standing[: int(place) + 1].all(axis=1))
        return (place - (alone[-1] if len(alone) > 0 else -1.0)) * self._dt_s

    def _load_share(self, place: float, standing: BoolArray) -> FloatArray:
        if not standing.all():
            return standing.astype(float)
        ahead = self._between(min(place + self._load_ahead_s / self._dt_s, len(self._rows) - 1.0))
        return load_share(ahead[_SOLES].reshape(2, 3), ahead[_PRESSURE])

    def _take(self, vector: FloatArray) -> None:
        """Forward kinematics of the newest slot."""
        joints, grippers, root = unpack(vector)
        model, data = self._model.pin_model, self._data
        tilt = pin.Quaternion(pin.rpy.rpyToMatrix(root[0], root[1], 0.0))
        position = np.concatenate([np.zeros(3), tilt.coeffs(), joints])
        self._own_com_m[-1] = pin.centerOfMass(model, data, position)
        for foot, frame in enumerate(self._model.sole_frames):
            placement = pin.updateFramePlacement(model, data, frame)
            self._own_soles_m[-1, foot] = placement.translation
            self._own_roll_pitch_yaws[-1, foot] = pin.rpy.matrixToRpy(placement.rotation)
        self._right_share[-1] = right_share(self._own_soles_m[-1], self._own_com_m[-1])
        row = self._rows[-1]
        row[_JOINTS] = joints
        row[_GRIPPERS] = grippers
        row[_ROLL_PITCH_YAW] = root[0], root[1], 0.0
        row[_YAW_RATE] = root[2]

    def _label(self, new: int, played_ns: int) -> None:
        """Read the contacts of slots that have not been played, and place all from the first that changed."""
        count = len(self._rows)
        fixed = min(int(self._slot_at(played_ns)) + 1, count - new - 1)
        rise_m = self._own_soles_m[fixed:, 0, 2] - self._own_soles_m[fixed:, 1, 2]
        falls = self._falls(fixed)
        standing = label_contacts(rise_m, falls, self._standing[fixed], self._dt_s, self._contact)
        changed = (standing[:-new] != self._standing[fixed : count - new]).any(axis=1)
        first = fixed + int(changed.argmax()) if changed.any() else count - new
        self._standing[fixed:] = standing
        for slot in range(first, count):
            self._place(slot)

    def _falls(self, first: int) -> FloatArray:
        """[slot] from a slot on, where the body falls: 0 onto the left foot, 1 onto the right one."""
        count = len(self._rows)
        around = np.arange(-_BODY_SLOTS, _BODY_SLOTS + 1)
        slots = np.clip(np.arange(first, count)[:, None] + around, 0, count - 1)
        share, rate = self._body_cubic[:2] @ self._right_share[slots].T
        heights_m = self._own_com_m[first:, 2] - self._own_soles_m[first:, :, 2].min(axis=1)
        falls: FloatArray = share + rate * np.sqrt(np.maximum(heights_m, _LEAST_HEIGHT_M) / GRAVITY_M_S2)
        return falls

    def _place(self, slot: int) -> None:
        """Put a slot's body where the feet that stand are where the slot before has them."""
        before, standing = self._rows[slot - 1], self._standing[slot]
        soles_m, yaws = self._own_soles_m[slot], self._own_roll_pitch_yaws[slot, :, 2]
        share = load_share(soles_m, self._own_com_m[slot]) if standing.all() else standing.astype(float)
        shifts = wrap_angle(before[_SOLE_ROLL_PITCH_YAWS][2::3] - yaws)
        yaw = float(shifts[0] + share[1] * wrap_angle(shifts[1] - shifts[0]))
        # Angles go on without jumps, so that they can be interpolated.
        yaw = before[_ROLL_PITCH_YAW][2] + float(wrap_angle(yaw - before[_ROLL_PITCH_YAW][2]))
        self._put(slot, yaw, share @ (before[_SOLES].reshape(2, 3) - soles_m @ matrix_from_yaw(yaw).T))

    def _put(self, slot: int, yaw_rad: float, shift_m: FloatArray) -> None:
        row, turn = self._rows[slot], matrix_from_yaw(yaw_rad)
        row[_ROLL_PITCH_YAW.stop - 1] = yaw_rad
        row[_COM] = turn @ self._own_com_m[slot] + shift_m
        row[_SOLES] = (self._own_soles_m[slot] @ turn.T + shift_m).ravel()
        angles = self._own_roll_pitch_yaws[slot].copy()
        angles[:, 2] += yaw_rad
        row[_SOLE_ROLL_PITCH_YAWS] = angles.ravel()

    def _fit(self) -> None:
        """Fit the pendulum to the newest part of the window."""
        rows, standing = self._rows[-self._fitted :], self._standing[-self._fitted :]
        grounds_m = (rows[:, _SOLES][:, 2::3] * standing).sum(axis=1) / standing.sum(axis=1)
        height_m = max(float((rows[:, _COM.stop - 1] - grounds_m).mean()), _LEAST_HEIGHT_M)
        centimetres = round(100.0 * height_m)
        if centimetres not in self._maps:
            frequency_rad_s = float(np.sqrt(GRAVITY_M_S2 / (0.01 * centimetres)))
            self._maps[centimetres] = pendulum_maps(frequency_rad_s, self._dt_s, self._fitted)
        expected_m, sigma_m = expected_pressure(
            self._rows[:, _COM][:, :2],
            self._rows[:, _SOLES].reshape(-1, 2, 3)[:, :, :2],
            self._standing,
            self._dt_s,
            self._pendulum,
        )
        arrival = rows[0, _FIT_POSITION.start : _FIT_VELOCITY.stop].reshape(2, 2)
        motion = fit_pendulum(
            rows[:, _COM][:, :2],
            expected_m[-self._fitted : -1],
            sigma_m[-self._fitted : -1],
            arrival,
            self._maps[centimetres],
            self._pendulum,
        )
        rows[:, _FIT_POSITION] = motion.position_m
        rows[:, _FIT_VELOCITY] = motion.velocity_m_s
        rows[:, _PRESSURE] = motion.pressure_m


def _cubic(reach: int, dt_s: float) -> FloatArray:
    """[4, 2 reach + 1] coefficients of the cubic through that many slots, by least squares."""
    time_s = dt_s * np.arange(-reach, reach + 1)
    coefficients: FloatArray = np.linalg.pinv(np.vander(time_s, 4, increasing=True))
    return coefficients
