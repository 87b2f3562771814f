"""Weights and limits of retargeting."""

from __future__ import annotations

from dataclasses import dataclass

from hlm.control.checks import require_positive
from hlm.core.ranges import must_be_at_least

_CHECKED_OTHERWISE = ("iterations", "repairs", "self_distance_m", "balance_margin_m")


@dataclass(frozen=True, kw_only=True, slots=True)
class KeypointIKConfig:
    """Weights and limits of `hlm.teleop.keypoints.keypoint_ik.KeypointIK`.

    The cost is the sum of the squares of weight x error, as in `hlm.control.inverse_kinematics`.

    Attributes:
        iterations: per frame.
        repairs: more of them at most, while parts are too near to each other.
        sole_position_weight_per_m: position of each sole in the air.
        sole_rotation_weight_per_rad: orientation of each sole in the air.
        standing_factor: of both, of a sole that stands.
        grip_position_weight_per_m: position of each grip.
        grip_rotation_weight_per_rad: orientation of each grip.
        elbow_weight_per_m: position of each elbow.
        pelvis_position_weight_per_m: position of the pelvis.
        pelvis_rotation_weight_per_rad: orientation of the pelvis.
        torso_weight_per_rad: orientation of the torso.
        posture_weight_per_rad: distance of each joint from the default pose.
        waist_tilt_weight_per_rad: the same for waist roll and pitch.
        damping_weight_per_rad: change of each degree of freedom in an iteration.
        limit_margin_rad: distance kept from each joint limit.
        least_knee_rad: angle at which knees stay bent; straight ones would jerk. 0.2 shortens a leg by half a percent.
        joint_speed_share: top speed of each joint, as a share of its motor's: 0.3 is what the limits of references
            let through.
        base_speed: top speed of the pelvis, m/s and rad/s.
        self_distance_m: distance that forearms, grippers and legs keep from other parts; None lets them meet.
        balance_margin_m: distance that the capture point keeps from the edge of two feet that stand; None lets it
            leave them: people lean farther than a robot that is built otherwise can.
        max_error_m: longer errors are shortened to this in an iteration.
        max_error_rad: the same of orientations.
    """

    iterations: int = 2
    repairs: int = 4
    sole_position_weight_per_m: float = 20.0
    sole_rotation_weight_per_rad: float = 5.0
    standing_factor: float = 2.0
    grip_position_weight_per_m: float = 10.0
    grip_rotation_weight_per_rad: float = 1.0
    elbow_weight_per_m: float = 2.0
    pelvis_position_weight_per_m: float = 8.0
    pelvis_rotation_weight_per_rad: float = 2.0
    torso_weight_per_rad: float = 1.5
    posture_weight_per_rad: float = 0.02
    waist_tilt_weight_per_rad: float = 0.05
    damping_weight_per_rad: float = 0.05
    limit_margin_rad: float = 0.02
    least_knee_rad: float = 0.2
    joint_speed_share: float = 0.3
    base_speed: float = 10.0
    self_distance_m: float | None = 0.02
    balance_margin_m: float | None = 0.03
    max_error_m: float = 0.2
    max_error_rad: float = 0.6

    def __post_init__(self) -> None:
        """Check ranges."""
        must_be_at_least(1, self, "iterations")
        must_be_at_least(0, self, "repairs")
        optional = [name for name in ("self_distance_m", "balance_margin_m") if getattr(self, name) is not None]
        require_positive(self, *optional)
        require_positive(self, *(name for name in self.__slots__ if name not in _CHECKED_OTHERWISE))
