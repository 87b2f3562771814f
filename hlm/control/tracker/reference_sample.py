"""The reference at one instant."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hlm.control.tracker.contact_state import ContactState
from hlm.core.arrays import FloatArray

_MIN_EVENT_RATE = 0.3  # at lower rates, times to events are stretched no further


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceSample:
    """The reference at one instant, in the reference's own world.

    Attributes:
        joint_position_rad: [joint].
        joint_velocity_rad_s: [joint].
        joint_acceleration_rad_s2: [joint].
        gripper_opening: [2] left, right; 1 = open.
        pelvis_roll_pitch_yaw_rad: [3].
        pelvis_roll_pitch_yaw_rate_rad_s: [3].
        pelvis_roll_pitch_yaw_acceleration_rad_s2: [3].
        com_position_m: [3] centre of mass: x and y of the fitted pendulum, z smoothed.
        com_velocity_m_s: [3].
        com_vertical_acceleration_m_s2: of the centre of mass.
        zmp_m: [2] zero-moment point of the fitted pendulum.
        load_fraction: [foot] load on each foot a little ahead of the instant, adding up to 1.
        sole_position_m: [foot, 3] sole centres.
        sole_velocity_m_s: [foot, 3].
        sole_acceleration_m_s2: [foot, 3].
        sole_roll_pitch_yaw_rad: [foot, 3].
        sole_roll_pitch_yaw_rate_rad_s: [foot, 3].
        yaw_rate_rad_s: yaw rate channel of the stream.
        contact: contact of each foot.
        time_to_lift_off_s: [foot] time until the next lift-off; infinite when none is in the preview.
        time_to_touchdown_s: [foot] time until the next touchdown; infinite when none is in the preview.
        double_support_s: time since both feet are in contact; 0 in single support.
    """

    joint_position_rad: FloatArray
    joint_velocity_rad_s: FloatArray
    joint_acceleration_rad_s2: FloatArray
    gripper_opening: FloatArray
    pelvis_roll_pitch_yaw_rad: FloatArray
    pelvis_roll_pitch_yaw_rate_rad_s: FloatArray
    pelvis_roll_pitch_yaw_acceleration_rad_s2: FloatArray
    com_position_m: FloatArray
    com_velocity_m_s: FloatArray
    com_vertical_acceleration_m_s2: float
    zmp_m: FloatArray
    load_fraction: FloatArray
    sole_position_m: FloatArray
    sole_velocity_m_s: FloatArray
    sole_acceleration_m_s2: FloatArray
    sole_roll_pitch_yaw_rad: FloatArray
    sole_roll_pitch_yaw_rate_rad_s: FloatArray
    yaw_rate_rad_s: float
    contact: ContactState
    time_to_lift_off_s: FloatArray
    time_to_touchdown_s: FloatArray
    double_support_s: float

    def at_rate(self, rate: float) -> ReferenceSample:
        """The sample at another playback rate: velocities, accelerations and times to events are scaled.

        The velocity of the centre of mass is kept: the DCM belongs to the reference's path, however fast it is played.
        """
        if rate == 1.0:
            return self
        return replace(
            self,
            joint_velocity_rad_s=rate * self.joint_velocity_rad_s,
            joint_acceleration_rad_s2=rate**2 * self.joint_acceleration_rad_s2,
            pelvis_roll_pitch_yaw_rate_rad_s=rate * self.pelvis_roll_pitch_yaw_rate_rad_s,
            pelvis_roll_pitch_yaw_acceleration_rad_s2=rate**2 * self.pelvis_roll_pitch_yaw_acceleration_rad_s2,
            com_vertical_acceleration_m_s2=rate**2 * self.com_vertical_acceleration_m_s2,
            sole_velocity_m_s=rate * self.sole_velocity_m_s,
            sole_acceleration_m_s2=rate**2 * self.sole_acceleration_m_s2,
            sole_roll_pitch_yaw_rate_rad_s=rate * self.sole_roll_pitch_yaw_rate_rad_s,
            yaw_rate_rad_s=rate * self.yaw_rate_rad_s,
            time_to_lift_off_s=self.time_to_lift_off_s / max(rate, _MIN_EVENT_RATE),
            time_to_touchdown_s=self.time_to_touchdown_s / max(rate, _MIN_EVENT_RATE),
        )
