"""Configuration of the decoupled interface."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hlm.control.checks import require_positive
from hlm.control.learned_legs.config import CourseConfig, LearnedLegsConfig


def _legs() -> LearnedLegsConfig:
    # What a push or a table has taken from a walk is not made up for. The waist goes where it is told.
    return LearnedLegsConfig(course=CourseConfig(max_distance_m=0.1), max_waist_rad=(np.pi, np.pi, np.pi))


@dataclass(frozen=True, kw_only=True, slots=True)
class WalkConfig:
    """How commanded velocities become those of the legs.

    Attributes:
        stale_s: age of a command from which on its velocity counts no more.
        max_acceleration_m_s2: of the velocity, along each axis; also when it ends.
        max_acceleration_rad_s2: of the yaw rate.
        max_turn_behind_rad: distance from the commanded heading from which on no more is added.
        min_height_m: height of the pelvis above the soles below which legs stand up before they walk.
    """

    stale_s: float = 0.3
    max_acceleration_m_s2: float = 1.0
    max_acceleration_rad_s2: float = 2.0
    max_turn_behind_rad: float = 0.15
    min_height_m: float = 0.7

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)


@dataclass(frozen=True, kw_only=True, slots=True)
class PostureConfig:
    """How fast the body above the legs, and its height, follow commands.

    Attributes:
        max_arm_speed_rad_s: of each joint of the arms.
        max_waist_speed_rad_s: of each joint of the waist.
        max_height_speed_m_s: of the pelvis.
        max_gripper_speed_per_s: of the openings.
        max_gap_s: time since the command before of which no more counts: after a gap, nothing jumps.
    """

    max_arm_speed_rad_s: float = 3.0
    max_waist_speed_rad_s: float = 1.0
    max_height_speed_m_s: float = 0.2
    max_gripper_speed_per_s: float = 8.0
    max_gap_s: float = 0.1

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)


@dataclass(frozen=True, kw_only=True, slots=True)
class DecoupledConfig:
    """Configuration of `hlm.control.learned_legs.decoupled_tracker.DecoupledTracker`.

    Attributes:
        legs: who has the legs, and the tracker that stands.
        walk: velocities.
        posture: what is above the legs.
    """

    legs: LearnedLegsConfig = field(default_factory=_legs)
    walk: WalkConfig = field(default_factory=WalkConfig)
    posture: PostureConfig = field(default_factory=PostureConfig)
