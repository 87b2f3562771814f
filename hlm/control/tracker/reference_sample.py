"""The reference at one instant."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hlm.core.arrays import BoolArray, FloatArray

_SLOWEST_RATE = 0.3  # times to events are not stretched further


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
        load_share: [foot] share of the load on each foot, a little ahead of the instant.
        sole_m: [foot, 3] sole centres.
        sole_m_s: [foot, 3] their velocities.
        sole_m_s2: [foot, 3] their accelerations.
        sole_roll_pitch_yaw_rad: [foot, 3].
        sole_roll_pitch_yaw_rad_s: [foot, 3] their rates.
        yaw_rate_rad_s: the stream's own.
        standing: [foot] whether the reference stands on it.
        lift_s: [foot] until it is lifted; infinite when no lift is known.
        landing_s: [foot] until it lands; infinite when no landing is known.
        stood_s: since both feet stand; 0 while one is in the air.
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
    load_share: FloatArray
    sole_m: FloatArray
    sole_m_s: FloatArray
    sole_m_s2: FloatArray
    sole_roll_pitch_yaw_rad: FloatArray
    sole_roll_pitch_yaw_rad_s: FloatArray
    yaw_rate_rad_s: float
    standing: BoolArray
    lift_s: FloatArray
    landing_s: FloatArray
    stood_s: float

    def at_rate(self, rate: float) -> ReferenceSample:
        """The same when it is played at another rate: rates, accelerations and times to events follow.

        The centre of mass keeps its velocity: where the body falls is a property of the reference's way, not of how
        fast it is played.
        """
        if rate == 1.0:
            return self
        return replace(
            self,
            joint_velocity_rad_s=rate * self.joint_velocity_rad_s,
            joint_acceleration_rad_s2=rate**2 * self.joint_acceleration_rad_s2,
            roll_pitch_yaw_rad_s=rate * self.roll_pitch_yaw_rad_s,
            roll_pitch_yaw_rad_s2=rate**2 * self.roll_pitch_yaw_rad_s2,
            height_m_s2=rate**2 * self.height_m_s2,
            sole_m_s=rate * self.sole_m_s,
            sole_m_s2=rate**2 * self.sole_m_s2,
            sole_roll_pitch_yaw_rad_s=rate * self.sole_roll_pitch_yaw_rad_s,
            yaw_rate_rad_s=rate * self.yaw_rate_rad_s,
            lift_s=self.lift_s / max(rate, _SLOWEST_RATE),
            landing_s=self.landing_s / max(rate, _SLOWEST_RATE),
        )
