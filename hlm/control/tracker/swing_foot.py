"""Control of the swing foot: from where it lifted off, along its reference, level onto an adjusted foot placement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from hlm.control.checks import require_positive
from hlm.control.interpolation import smoothstep
from hlm.control.tracker.anchoring import AnchoredReference
from hlm.control.tracker.body_dynamics import BodyDynamics
from hlm.core.arrays import FloatArray


@dataclass(frozen=True, kw_only=True, slots=True)
class SwingConfig:
    """Gains and limits of the swing foot.

    Attributes:
        position_stiffness_per_s2: feedback gain on the position.
        position_damping_per_s: feedback gain on the velocity.
        rotation_stiffness_per_s2: feedback gain on the orientation.
        rotation_damping_per_s: feedback gain on the angular velocity.
        max_position_error_m: largest position error fed back, per axis.
        lift_off_blend_s: time over which the offset at lift-off from the reference fades.
        level_height_m: height below which the sole is kept level.
        level_blend_height_m: height above `level_height_m` over which the reference's tilt fades in.
        max_placement_adjustment_m: largest adjustment of the foot placement: forward or backward, outward, inward.
        placement_time_constant_s: time constant of the adjustment.
        placement_delay_s: time after lift-off without adjustment.
        max_heading_correction_rad: largest turn of the foot that corrects the heading.
    """

    position_stiffness_per_s2: float = 350.0
    position_damping_per_s: float = 36.0
    rotation_stiffness_per_s2: float = 300.0
    rotation_damping_per_s: float = 34.0
    max_position_error_m: float = 0.08
    lift_off_blend_s: float = 0.15
    level_height_m: float = 0.01
    level_blend_height_m: float = 0.03
    max_placement_adjustment_m: tuple[float, float, float] = (0.2, 0.15, 0.05)
    placement_time_constant_s: float = 0.04
    placement_delay_s: float = 0.05
    max_heading_correction_rad: float = 0.15

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)


class SwingFoot:
    """One swing of one foot.

    Args:
        foot: `LEFT` or `RIGHT`.
        config: gains and limits.
        late_descent_speed_m_s: speed at which a late foot goes on down.
    """

    def __init__(self, foot: int, config: SwingConfig, late_descent_speed_m_s: float) -> None:
        self.foot = foot
        self._late_descent_speed_m_s = late_descent_speed_m_s
        self._config = config
        self._lift_off_offset_m: FloatArray | None = None
        self._lift_off_rotation_rad: FloatArray = np.zeros(3)
        self._adjustment_m: FloatArray = np.zeros(2)

    def adjust_placement(self, desired_m: FloatArray, outward: FloatArray, swing_time_s: float, dt_s: float) -> None:
        """Adjust the foot placement, within reach and clear of the stance foot.

        Args:
            desired_m: [2] desired adjustment of the reference's placement.
            outward: [2] unit vector to the outside of the foot.
            swing_time_s: time since lift-off.
            dt_s: time since the last tick.
        """
        if swing_time_s < self._config.placement_delay_s:
            return
        max_forward_m, max_outward_m, max_inward_m = self._config.max_placement_adjustment_m
        forward = np.array([outward[1], -outward[0]])
        reachable_m = np.clip(forward @ desired_m, -max_forward_m, max_forward_m) * forward
        reachable_m += np.clip(outward @ desired_m, -max_inward_m, max_outward_m) * outward
        gain = min(1.0, dt_s / self._config.placement_time_constant_s)
        self._adjustment_m = self._adjustment_m + gain * (reachable_m - self._adjustment_m)

    def acceleration(
        self,
        anchored: AnchoredReference,
        body: BodyDynamics,
        late_descent_m: float,
        heading_error_rad: float,
        swing_time_s: float,
    ) -> FloatArray:
        """[6] desired linear (m/s2) and angular (rad/s2) acceleration of the sole, world axes.

        Args:
            anchored: the reference.
            body: measured soles.
            late_descent_m: descent of a late foot below its reference.
            heading_error_rad: heading error that the foot corrects by turning, within its limit.
            swing_time_s: time since lift-off.
        """
        config, foot, stance = self._config, self.foot, 1 - self.foot
        height_m = float(anchored.sole_position_m[foot, 2] - anchored.sole_position_m[stance, 2])
        goal_m = anchored.sole_position_m[foot] + np.array([*self._adjustment_m, 0.0])
        goal_m[2] = body.sole_position_m[stance, 2] + height_m - late_descent_m
        goal_m_s = anchored.sole_velocity_m_s[foot]
        if late_descent_m > 0.0:
            goal_m_s = np.array([0.0, 0.0, -self._late_descent_speed_m_s])
        goal_rotation = self._goal_rotation(anchored, height_m, heading_error_rad)
        position_m, velocity = body.sole_position_m[foot], body.sole_velocity[foot]
        rotation = body.rotation_world_from_sole[foot]
        if self._lift_off_offset_m is None:
            self._lift_off_offset_m = position_m - goal_m
            self._lift_off_rotation_rad = pin.log3(rotation @ goal_rotation.T)
        remaining = smoothstep(1.0 - min(swing_time_s / config.lift_off_blend_s, 1.0))
        limit_m = config.max_position_error_m
        error_m = np.clip(goal_m + remaining * self._lift_off_offset_m - position_m, -limit_m, limit_m)
        error_rad = pin.log3(pin.exp3(remaining * self._lift_off_rotation_rad) @ goal_rotation @ rotation.T)
        goal_rad_s = np.array([0.0, 0.0, anchored.sole_yaw_rate_rad_s[foot]])
        linear = config.position_stiffness_per_s2 * error_m + config.position_damping_per_s * (goal_m_s - velocity[:3])
        angular = config.rotation_stiffness_per_s2 * error_rad
        angular += config.rotation_damping_per_s * (goal_rad_s - velocity[3:])
        return np.concatenate([anchored.sole_acceleration_m_s2[foot] + linear, angular])

    def _goal_rotation(self, anchored: AnchoredReference, height_m: float, heading_error_rad: float) -> FloatArray:
        """[3, 3] rotation of the sole to the world: level near the ground, turned to correct the heading."""
        config = self._config
        limit_rad = config.max_heading_correction_rad
        correction_rad = min(max(heading_error_rad, -limit_rad), limit_rad)
        tilt = float(np.clip((height_m - config.level_height_m) / config.level_blend_height_m, 0.0, 1.0))
        roll_rad, pitch_rad, yaw_rad = anchored.sole_roll_pitch_yaw_rad[self.foot]
        rotation: FloatArray = pin.rpy.rpyToMatrix(tilt * roll_rad, tilt * pitch_rad, yaw_rad + correction_rad)
        return rotation
