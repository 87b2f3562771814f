"""Limits on how fast arms and waist move: the feet have to bear it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hlm.control.checks import require_positive
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.core.arrays import BoolArray, FloatArray
from hlm.core.layout import JOINTS, MOTOR_ARMS, MOTOR_WAIST

_UPPER = slice(MOTOR_WAIST.start, JOINTS)
_BRAKING_SHARE = 0.7  # of the acceleration, for a joint that comes to its reference
_CLOSING_PER_S = 20.0  # speed at which a joint comes to its reference, for its distance from there
_MET_RAD = 0.002  # distance at which it has come there


@dataclass(frozen=True, kw_only=True, slots=True)
class UpperBodyConfig:
    """Speeds and accelerations of the joints above the legs, beyond what people's tasks ask for.

    Attributes:
        waist_speed_rad_s: of the waist's yaw, roll and pitch.
        waist_acceleration_rad_s2: of them.
        arm_speed_rad_s: of the arms.
        arm_acceleration_rad_s2: of the arms.
    """

    waist_speed_rad_s: tuple[float, float, float] = (3.5, 2.0, 2.0)
    waist_acceleration_rad_s2: tuple[float, float, float] = (20.0, 8.0, 8.0)
    arm_speed_rad_s: float = 6.0
    arm_acceleration_rad_s2: float = 40.0

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)


class UpperBodyLimits:
    """Follows arms and waist of the reference as fast as they may move; what is slow enough stays as it is.

    Args:
        config: speeds and accelerations.
    """

    def __init__(self, config: UpperBodyConfig) -> None:
        arms = np.ones(JOINTS - MOTOR_ARMS.start)
        self._speed_rad_s = np.array([*config.waist_speed_rad_s, *(config.arm_speed_rad_s * arms)])
        self._acceleration_rad_s2 = np.array(
            [*config.waist_acceleration_rad_s2, *(config.arm_acceleration_rad_s2 * arms)]
        )
        self.reset()

    def reset(self) -> None:
        """Start at the next reference."""
        self._position_rad: FloatArray | None = None
        self._velocity_rad_s: FloatArray = np.zeros(len(self._speed_rad_s))

    def limited(self, sample: ReferenceSample, dt_s: float) -> ReferenceSample:
        """The reference as it can be followed.

        Args:
            sample: the reference.
            dt_s: time since the last one; without any, nothing moves.
        """
        wanted_rad = sample.joint_position_rad[_UPPER]
        wanted_rad_s = sample.joint_velocity_rad_s[_UPPER]
        before_rad, before_rad_s = self._position_rad, self._velocity_rad_s
        self._position_rad, self._velocity_rad_s = wanted_rad, wanted_rad_s
        if before_rad is None:
            return sample
        apart_rad = wanted_rad - before_rad
        met = self._meets(apart_rad, before_rad_s, wanted_rad_s, dt_s)
        if met.all():
            return sample
        wanted_rad_s2 = sample.joint_acceleration_rad_s2[_UPPER]
        change_rad_s2 = self._acceleration(apart_rad, before_rad_s, wanted_rad_s, wanted_rad_s2, dt_s)
        velocity_rad_s = before_rad_s + change_rad_s2 * dt_s
        self._position_rad = np.where(met, wanted_rad, before_rad + velocity_rad_s * dt_s)
        self._velocity_rad_s = np.where(met, wanted_rad_s, velocity_rad_s)
        legs, acceleration_rad_s2 = slice(0, _UPPER.start), sample.joint_acceleration_rad_s2
        return replace(
            sample,
            joint_position_rad=np.concatenate([sample.joint_position_rad[legs], self._position_rad]),
            joint_velocity_rad_s=np.concatenate([sample.joint_velocity_rad_s[legs], self._velocity_rad_s]),
            joint_acceleration_rad_s2=np.concatenate(
                [acceleration_rad_s2[legs], np.where(met, acceleration_rad_s2[_UPPER], change_rad_s2)]
            ),
        )

    def _meets(
        self, apart_rad: FloatArray, before_rad_s: FloatArray, wanted_rad_s: FloatArray, dt_s: float
    ) -> BoolArray:
        """[joint] whether a joint can simply be where the reference is."""
        if dt_s <= 0.0:
            return apart_rad == 0.0
        off_rad = np.abs(apart_rad - 0.5 * dt_s * (before_rad_s + wanted_rad_s))
        near = off_rad < self._acceleration_rad_s2 * dt_s**2 + _MET_RAD
        smooth = np.abs(wanted_rad_s - before_rad_s) < self._acceleration_rad_s2 * dt_s
        met: BoolArray = near & smooth & (np.abs(wanted_rad_s) < self._speed_rad_s)
        return met

    def _acceleration(
        self,
        apart_rad: FloatArray,
        before_rad_s: FloatArray,
        wanted_rad_s: FloatArray,
        wanted_rad_s2: FloatArray,
        dt_s: float,
    ) -> FloatArray:
        """[joint] acceleration that brings each joint to the reference, braking in time."""
        if dt_s <= 0.0:
            return np.zeros_like(apart_rad)
        left_rad = apart_rad - before_rad_s * dt_s
        braking_rad_s = np.sqrt(2.0 * _BRAKING_SHARE * self._acceleration_rad_s2 * np.abs(left_rad))
        closing_rad_s = np.minimum(braking_rad_s, _CLOSING_PER_S * np.abs(left_rad))
        goal_rad_s = wanted_rad_s + np.copysign(closing_rad_s, left_rad)
        goal_rad_s = np.clip(goal_rad_s, -self._speed_rad_s, self._speed_rad_s)
        feedback_rad_s2 = 2.0 * _CLOSING_PER_S * (goal_rad_s - before_rad_s)
        limit_rad_s2 = self._acceleration_rad_s2
        return np.clip(wanted_rad_s2 + feedback_rad_s2, -limit_rad_s2, limit_rad_s2)
