"""The motion of the reference: joints, feet, contacts and a feasible centre of mass on an even time grid.

The stream says neither where the body is nor which foot is in contact. Contacts are detected from the heights of the
soles; each slot is then placed so that the feet in contact do not move. The motion is therefore relative to the
reference's own feet. Contacts are detected anew whenever slots are added, except for slots that have been played.
"""

from __future__ import annotations

import numpy as np

from hlm.control.model import GRAVITY_M_S2, BodyModel, pendulum_frequency
from hlm.control.tracker.contact_detection import ContactConfig, detect_contacts, load_fractions, right_load_fraction
from hlm.control.tracker.contact_state import ContactState
from hlm.control.tracker.local_cubic import cubic_derivatives, cubic_fit
from hlm.control.tracker.pendulum import MIN_COM_HEIGHT_M, PendulumConfig, expected_zmp, fit_pendulum, pendulum_maps
from hlm.control.tracker.reference_kinematics import ReferenceKinematics
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.control.tracker.reference_stream import StreamConfig
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.layout import unpack
from hlm.core.rotations import matrix_from_yaw, wrap_angle

# Columns of the slot table. Body and feet are smoothed by cubics in time, the others are interpolated linearly.
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
_ZMP = slice(53, 55)
_YAW_RATE = 55
_COLUMNS = 56

_BODY_REACH = 6  # slots to either side that the body's cubic is fitted to
_FEET_REACH = 3  # slots to either side for the feet, which change direction faster
_MAX_AHEAD_SLOTS = 50  # references may be this far ahead of what is played


class ReferenceMotion:
    """A window of slots of the reference stream, newest last.

    Args:
        model: the robot.
        stream: grid and window.
        contact: thresholds of contact detection.
        pendulum: standard deviations of the fit.
    """

    def __init__(
        self, model: BodyModel, stream: StreamConfig, contact: ContactConfig, pendulum: PendulumConfig
    ) -> None:
        self._kinematics = ReferenceKinematics(model)
        self._contact_config = contact
        self._pendulum_config = pendulum
        self._dt_s = 1.0 / stream.rate_hz
        self._load_preview_s = stream.load_preview_s
        self._fitted = round((stream.history_s + stream.latency_s) * stream.rate_hz) + 1
        slots = self._fitted + _MAX_AHEAD_SLOTS
        self._table = np.zeros((slots, _COLUMNS))
        self._contacts = np.ones((slots, 2), dtype=bool)
        # Kinematics with the pelvis at the origin, facing x.
        self._own_sole_m = np.zeros((slots, 2, 3))
        self._own_roll_pitch_yaw = np.zeros((slots, 2, 3))
        self._own_com_m = np.zeros((slots, 3))
        self._right_load_fraction = np.zeros(slots)
        self._slot_arrays = (
            self._table,
            self._contacts,
            self._own_sole_m,
            self._own_roll_pitch_yaw,
            self._own_com_m,
            self._right_load_fraction,
        )
        self._maps_of_cm: dict[int, tuple[FloatArray, FloatArray]] = {}
        self._body_cubic = cubic_fit(_BODY_REACH, self._dt_s)
        self._feet_cubic = cubic_fit(_FEET_REACH, self._dt_s)
        self._newest_ns = 0

    @property
    def newest_ns(self) -> int:
        """Instant of the newest slot."""
        return self._newest_ns

    def start(self, stamp_ns: int, vector: FloatArray) -> None:
        """Start again with a body that stands still.

        Args:
            stamp_ns: instant of the newest slot.
            vector: [34] pose in all slots.
        """
        self._table[-1] = 0.0
        self._contacts[-1] = True
        self._add(vector)
        for array in self._slot_arrays:
            array[:] = array[-1]
        load = load_fractions(self._own_sole_m[-1], self._own_com_m[-1])
        self._place(-1, 0.0, np.array([0.0, 0.0, -(load @ self._own_sole_m[-1, :, 2])]))
        row = self._table[-1]
        row[_FIT_POSITION] = row[_ZMP] = row[_COM][:2]
        self._table[:] = row
        self._newest_ns = stamp_ns

    def extend(self, vectors: FloatArray, played_ns: int) -> None:
        """Add the next slots of the grid.

        Args:
            vectors: [new, 34] their vectors; may be empty.
            played_ns: instant that is played now; contacts up to it stay as they are.
        """
        if len(vectors) == 0:
            return
        for vector in vectors:
            for array in self._slot_arrays:
                array[:-1] = array[1:]
            self._add(vector)
            self._newest_ns += round(self._dt_s * NS_PER_S)
        self._detect_contacts(len(vectors), played_ns)
        self._fit_com()

    def sample(self, instant_ns: int) -> ReferenceSample:
        """The reference at an instant; before and after the window its ends are held."""
        slot = self._slot_at(instant_ns)
        low = min(int(slot), len(self._table) - 2)
        time_s = (slot - low) * self._dt_s
        row = self._interpolated(slot)
        value, rate, second = self._smoothed(_BODY, self._body_cubic, low, time_s)
        sole, sole_rate, sole_second = self._smoothed(_FEET, self._feet_cubic, low, time_s).reshape(3, 2, 2, 3)
        height = _COM.stop - 1
        time_to_lift_off_s, time_to_touchdown_s = self._times_to_events(slot)
        contact = ContactState.of(self._contacts[low])
        return ReferenceSample(
            joint_position_rad=value[_JOINTS],
            joint_velocity_rad_s=rate[_JOINTS],
            joint_acceleration_rad_s2=second[_JOINTS],
            gripper_opening=row[_GRIPPERS],
            pelvis_roll_pitch_yaw_rad=value[_ROLL_PITCH_YAW],
            pelvis_roll_pitch_yaw_rate_rad_s=rate[_ROLL_PITCH_YAW],
            pelvis_roll_pitch_yaw_acceleration_rad_s2=second[_ROLL_PITCH_YAW],
            com_position_m=np.array([*row[_FIT_POSITION], value[height]]),
            com_velocity_m_s=np.array([*row[_FIT_VELOCITY], rate[height]]),
            com_vertical_acceleration_m_s2=float(second[height]),
            zmp_m=row[_ZMP],
            load_fraction=self._load_fraction(slot, contact),
            sole_position_m=sole[0],
            sole_velocity_m_s=sole_rate[0],
            sole_acceleration_m_s2=sole_second[0],
            sole_roll_pitch_yaw_rad=sole[1],
            sole_roll_pitch_yaw_rate_rad_s=sole_rate[1],
            yaw_rate_rad_s=float(row[_YAW_RATE]),
            contact=contact,
            time_to_lift_off_s=time_to_lift_off_s,
            time_to_touchdown_s=time_to_touchdown_s,
            double_support_s=self._double_support_s(slot),
        )

    def _slot_at(self, instant_ns: int) -> float:
        last = len(self._table) - 1
        slot = last - (self._newest_ns - instant_ns) / NS_PER_S / self._dt_s
        return min(max(slot, 0.0), float(last))

    def _interpolated(self, slot: float) -> FloatArray:
        """[column] row of the table between two slots."""
        low = min(int(slot), len(self._table) - 2)
        weight = slot - low
        row: FloatArray = (1.0 - weight) * self._table[low] + weight * self._table[low + 1]
        return row

    def _smoothed(self, columns: slice, cubic: FloatArray, low: int, time_s: float) -> FloatArray:
        """[3, column] value, first and second derivative of the local cubic, `time_s` after a slot."""
        reach = cubic.shape[1] // 2
        slots = np.clip(np.arange(low - reach, low + reach + 1), 0, len(self._table) - 1)
        smoothed: FloatArray = (cubic_derivatives(time_s) @ cubic) @ self._table[slots, columns]
        return smoothed

    def _times_to_events(self, slot: float) -> tuple[FloatArray, FloatArray]:
        """[foot] times until the next lift-off and until the next touchdown, s."""
        low = int(slot)
        later = self._contacts[low:]
        lift_offs, touchdowns = later[:-1] & ~later[1:], ~later[:-1] & later[1:]
        times_s: list[FloatArray] = []
        for events in (lift_offs, touchdowns):
            slots = (
                np.where(events.any(axis=0), low + 1 + events.argmax(axis=0), np.inf)
                if len(events)
                else np.full(2, np.inf)
            )
            times_s.append((slots - slot) * self._dt_s)
        return times_s[0], times_s[1]

    def _double_support_s(self, slot: float) -> float:
        single_support = np.flatnonzero(~self._contacts[: int(slot) + 1].all(axis=1))
        return (slot - (single_support[-1] if len(single_support) > 0 else -1.0)) * self._dt_s

    def _load_fraction(self, slot: float, contact: ContactState) -> FloatArray:
        """[foot] load a little ahead of a slot."""
        if not contact.double_support:
            return contact.mask.astype(float)
        ahead = self._interpolated(min(slot + self._load_preview_s / self._dt_s, len(self._table) - 1.0))
        return load_fractions(ahead[_SOLES].reshape(2, 3), ahead[_ZMP])

    def _add(self, vector: FloatArray) -> None:
        """Fill the newest slot by forward kinematics."""
        body = unpack(vector)
        own = self._kinematics.of(body)
        self._own_com_m[-1] = own.com_m
        self._own_sole_m[-1] = own.sole_m
        self._own_roll_pitch_yaw[-1] = own.sole_roll_pitch_yaw_rad
        self._right_load_fraction[-1] = right_load_fraction(own.sole_m, own.com_m)
        row = self._table[-1]
        row[_JOINTS] = body.joint_position_rad
        row[_GRIPPERS] = body.gripper_opening
        row[_ROLL_PITCH_YAW] = body.root[0], body.root[1], 0.0
        row[_YAW_RATE] = body.root[2]

    def _detect_contacts(self, new: int, played_ns: int) -> None:
        """Detect contacts in slots that have not been played, and anchor all slots from the first that changed."""
        count = len(self._table)
        fixed = min(int(self._slot_at(played_ns)) + 1, count - new - 1)
        left_height_m = self._own_sole_m[fixed:, 0, 2] - self._own_sole_m[fixed:, 1, 2]
        start = ContactState.of(self._contacts[fixed])
        contacts = detect_contacts(
            left_height_m, self._dcm_load_fraction(fixed), start, self._dt_s, self._contact_config
        )
        changed = (contacts[:-new] != self._contacts[fixed : count - new]).any(axis=1)
        first = fixed + int(changed.argmax()) if changed.any() else count - new
        self._contacts[fixed:] = contacts
        for slot in range(first, count):
            self._anchor(slot)

    def _dcm_load_fraction(self, first: int) -> FloatArray:
        """[slot] from a slot on, the fraction of the load on the right foot with the ZMP at the DCM."""
        count = len(self._table)
        around = np.arange(-_BODY_REACH, _BODY_REACH + 1)
        slots = np.clip(np.arange(first, count)[:, None] + around, 0, count - 1)
        fraction, rate = self._body_cubic[:2] @ self._right_load_fraction[slots].T
        com_height_m = self._own_com_m[first:, 2] - self._own_sole_m[first:, :, 2].min(axis=1)
        at_dcm: FloatArray = fraction + rate * np.sqrt(np.maximum(com_height_m, MIN_COM_HEIGHT_M) / GRAVITY_M_S2)
        return at_dcm

    def _anchor(self, slot: int) -> None:
        """Place a slot so that its feet in contact stand where those of the slot before do."""
        before, contact = self._table[slot - 1], ContactState.of(self._contacts[slot])
        sole_m, sole_yaw_rad = self._own_sole_m[slot], self._own_roll_pitch_yaw[slot, :, 2]
        load = load_fractions(sole_m, self._own_com_m[slot]) if contact.double_support else contact.mask.astype(float)
        offset_rad = wrap_angle(before[_SOLE_ROLL_PITCH_YAWS][2::3] - sole_yaw_rad)
        yaw_rad = float(offset_rad[0] + load[1] * wrap_angle(offset_rad[1] - offset_rad[0]))
        # Angles continue without jumps, so that they can be interpolated.
        yaw_rad = before[_ROLL_PITCH_YAW][2] + float(wrap_angle(yaw_rad - before[_ROLL_PITCH_YAW][2]))
        self._place(slot, yaw_rad, load @ (before[_SOLES].reshape(2, 3) - sole_m @ matrix_from_yaw(yaw_rad).T))

    def _place(self, slot: int, yaw_rad: float, shift_m: FloatArray) -> None:
        """Turn a slot's own kinematics about the vertical, then shift them by [3] `shift_m`."""
        row, turn = self._table[slot], matrix_from_yaw(yaw_rad)
        row[_ROLL_PITCH_YAW.stop - 1] = yaw_rad
        row[_COM] = turn @ self._own_com_m[slot] + shift_m
        row[_SOLES] = (self._own_sole_m[slot] @ turn.T + shift_m).ravel()
        angles = self._own_roll_pitch_yaw[slot].copy()
        angles[:, 2] += yaw_rad
        row[_SOLE_ROLL_PITCH_YAWS] = angles.ravel()

    def _fit_com(self) -> None:
        """Fit the pendulum to the newest part of the window."""
        rows, contacts = self._table[-self._fitted :], self._contacts[-self._fitted :]
        ground_m = (rows[:, _SOLES][:, 2::3] * contacts).sum(axis=1) / contacts.sum(axis=1)
        com_height_m = max(float((rows[:, _COM.stop - 1] - ground_m).mean()), MIN_COM_HEIGHT_M)
        expected_m, sigma_m = expected_zmp(
            self._table[:, _COM][:, :2],
            self._table[:, _SOLES].reshape(-1, 2, 3)[:, :, :2],
            self._contacts,
            self._dt_s,
            self._pendulum_config,
        )
        motion = fit_pendulum(
            rows[:, _COM][:, :2],
            expected_m[-self._fitted : -1],
            sigma_m[-self._fitted : -1],
            rows[0, _FIT_POSITION.start : _FIT_VELOCITY.stop].reshape(2, 2),
            self._pendulum_maps(round(100.0 * com_height_m)),
            self._pendulum_config,
        )
        rows[:, _FIT_POSITION] = motion.com_position_m
        rows[:, _FIT_VELOCITY] = motion.com_velocity_m_s
        rows[:, _ZMP] = motion.zmp_m

    def _pendulum_maps(self, height_cm: int) -> tuple[FloatArray, FloatArray]:
        """Maps of a pendulum of this height; heights are rounded to centimetres, so that few are computed."""
        if height_cm not in self._maps_of_cm:
            frequency_rad_s = pendulum_frequency(0.01 * height_cm)
            self._maps_of_cm[height_cm] = pendulum_maps(frequency_rad_s, self._dt_s, self._fitted)
        return self._maps_of_cm[height_cm]
