"""Refusal of what cannot be followed on two feet: lying, crawling, sitting.

The last pose on both feet that was well inside the limits is held; grippers still follow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from hlm.control.checks import require_positive
from hlm.control.tracker.contact_detection import load_fractions
from hlm.control.tracker.contact_state import DOUBLE_SUPPORT
from hlm.control.tracker.reference_sample import ReferenceSample

_LONG_S = 1e3


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusalConfig:
    """What counts as no pose on two feet.

    Attributes:
        max_roll_rad: largest roll of the pelvis.
        max_lean_back_rad: largest backward pitch of the pelvis.
        max_lean_forward_rad: largest forward pitch of the pelvis.
        min_com_height_m: least height of the centre of mass above the lower sole; a body's own crouch has 0.27.
        hysteresis: how much farther inside, as a share, a pose has to be to be followed again.
        calm_s: time for which it has to be, and then on both feet.
    """

    max_roll_rad: float = 0.7
    max_lean_back_rad: float = 0.6
    max_lean_forward_rad: float = 1.2
    min_com_height_m: float = 0.24
    hysteresis: float = 0.1
    calm_s: float = 0.3

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)


class Followed(NamedTuple):
    """A reference that is followed.

    Attributes:
        sample: the reference, or the pose that is held instead.
        changed: whether this is the first after a change between the two.
    """

    sample: ReferenceSample
    changed: bool


def refusal_of(sample: ReferenceSample, config: RefusalConfig, share: float = 1.0) -> str:
    """Why a reference is no pose on two feet; empty when it is one.

    Args:
        sample: the reference.
        config: limits.
        share: how much of each limit is allowed.
    """
    roll_rad, pitch_rad = (float(angle) for angle in sample.pelvis_roll_pitch_yaw_rad[:2])
    height_m = float(sample.com_position_m[2] - sample.sole_position_m[:, 2].min())
    if height_m * share < config.min_com_height_m:
        return f"the reference sits, crawls or lies: its mass is {height_m:.2f} m above its soles"
    if abs(roll_rad) > share * config.max_roll_rad:
        return f"the reference lies on its side: its pelvis rolls by {np.degrees(roll_rad):.0f} degrees"
    if not -share * config.max_lean_back_rad < pitch_rad < share * config.max_lean_forward_rad:
        return f"the reference lies or crawls: its pelvis pitches by {np.degrees(pitch_rad):.0f} degrees"
    return ""


class Refusal:
    """Follows a reference, or holds the last pose on both feet while it cannot be followed.

    Args:
        config: limits.

    Attributes:
        reason: why the pose is held; empty while the reference is followed.
    """

    def __init__(self, config: RefusalConfig) -> None:
        self._config = config
        self.reason = ""

    def start(self, sample: ReferenceSample) -> None:
        """Start with the pose that is held if the reference cannot be followed from the first."""
        self.reason = refusal_of(sample, self._config)
        self._held, self._calm_s = at_rest(sample), 0.0

    def followed(self, sample: ReferenceSample, dt_s: float) -> Followed:
        """What to follow now.

        Args:
            sample: the reference.
            dt_s: time since the last one.
        """
        before = bool(self.reason)
        reason = refusal_of(sample, self._config, 1.0 - self._config.hysteresis if before else 1.0)
        self._calm_s = 0.0 if reason else self._calm_s + dt_s
        if before and not reason and not (self._calm_s >= self._config.calm_s and sample.contact.double_support):
            reason = self.reason
        self.reason = reason
        if not reason:
            if sample.contact.double_support and not refusal_of(sample, self._config, 1.0 - self._config.hysteresis):
                self._held = sample
            return Followed(sample, before)
        if not before:
            self._held = at_rest(self._held)
        return Followed(replace(self._held, gripper_opening=sample.gripper_opening), not before)


def at_rest(sample: ReferenceSample) -> ReferenceSample:
    """The pose of a reference on both feet, without motion."""
    joints, three, feet = np.zeros_like(sample.joint_position_rad), np.zeros(3), np.zeros_like(sample.sole_position_m)
    return replace(
        sample,
        joint_velocity_rad_s=joints,
        joint_acceleration_rad_s2=joints,
        pelvis_roll_pitch_yaw_rate_rad_s=three,
        pelvis_roll_pitch_yaw_acceleration_rad_s2=three,
        com_velocity_m_s=three,
        com_vertical_acceleration_m_s2=0.0,
        zmp_m=sample.com_position_m[:2],
        load_fraction=load_fractions(sample.sole_position_m, sample.com_position_m),
        sole_velocity_m_s=feet,
        sole_acceleration_m_s2=feet,
        sole_roll_pitch_yaw_rate_rad_s=feet,
        yaw_rate_rad_s=0.0,
        contact=DOUBLE_SUPPORT,
        time_to_lift_off_s=np.full(2, np.inf),
        time_to_touchdown_s=np.full(2, np.inf),
        double_support_s=_LONG_S,
    )
