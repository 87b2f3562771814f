"""A foot in the air: it leaves from where it was, follows its reference, and comes down level where it is needed."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from hlm.control.tracker.config import SwingConfig
from hlm.control.tracker.dynamics import BodyDynamics
from hlm.control.tracker.placement import PlacedReference
from hlm.core.arrays import FloatArray


class Swing:
    """One swing of one foot.

    Args:
        foot: 0 left, 1 right.
        config: gains, times and how far a landing may be moved.
        descent_m_s: how fast the foot goes down when it is late.
    """

    def __init__(self, foot: int, config: SwingConfig, descent_m_s: float) -> None:
        self.foot = foot
        self._descent_m_s = descent_m_s
        self._config = config
        self._offset_m: FloatArray | None = None
        self._turn_rad: FloatArray = np.zeros(3)
        self._shift_m: FloatArray = np.zeros(2)

    def shift(self, wanted_m: FloatArray, outward: FloatArray, age_s: float, dt_s: float) -> None:
        """Move the landing towards where it is wanted, as far as the foot reaches without meeting the other one.

        Args:
            wanted_m: [2] from the reference's landing.
            outward: [2] direction to the outside of the foot.
            age_s: since the lift.
            dt_s: since the last tick.
        """
        if age_s < self._config.unshifted_s:
            return
        ahead_m, out_m, in_m = self._config.farthest_m
        ahead = np.array([outward[1], -outward[0]])
        reachable_m = np.clip(ahead @ wanted_m, -ahead_m, ahead_m) * ahead
        reachable_m += np.clip(outward @ wanted_m, -in_m, out_m) * outward
        self._shift_m = self._shift_m + min(1.0, dt_s / self._config.shift_time_s) * (reachable_m - self._shift_m)

    def acceleration(
        self, placed: PlacedReference, body: BodyDynamics, lowered_m: float, turned_rad: float, age_s: float
    ) -> FloatArray:
        """[6] linear and angular acceleration of the sole, world axes.

        Args:
            placed: the reference.
            body: where the foot is.
            lowered_m: how far the foot goes below its reference, because it is late.
            turned_rad: how far it turns beyond its reference, to correct the heading.
            age_s: since the lift.
        """
        config, foot, other = self._config, self.foot, 1 - self.foot
        rise_m = float(placed.sole_m[foot, 2] - placed.sole_m[other, 2])
        goal_m = placed.sole_m[foot] + np.array([*self._shift_m, 0.0])
        goal_m[2] = body.sole_m[other, 2] + rise_m - lowered_m
        goal_m_s = np.array([0.0, 0.0, -self._descent_m_s]) if lowered_m > 0.0 else placed.sole_m_s[foot]
        level = float(np.clip((rise_m - config.level_below_m) / config.level_over_m, 0.0, 1.0))
        roll, pitch, yaw = placed.sole_roll_pitch_yaw_rad[foot]
        goal = pin.rpy.rpyToMatrix(level * roll, level * pitch, yaw + turned_rad)
        rotation, velocity = body.rotation_world_from_sole[foot], body.sole_velocity[foot]
        if self._offset_m is None:
            self._offset_m, self._turn_rad = body.sole_m[foot] - goal_m, pin.log3(rotation @ goal.T)
        left = 1.0 - min(age_s / config.blend_s, 1.0)
        left = left * left * (3.0 - 2.0 * left)
        error_m = np.clip(
            goal_m + left * self._offset_m - body.sole_m[foot], -config.largest_error_m, config.largest_error_m
        )
        error_rad = pin.log3(pin.exp3(left * self._turn_rad) @ goal @ rotation.T)
        turning_rad_s = np.array([0.0, 0.0, placed.sole_yaw_rad_s[foot]])
        linear = config.position_stiffness_per_s2 * error_m + config.position_damping_per_s * (goal_m_s - velocity[:3])
        angular = config.rotation_stiffness_per_s2 * error_rad
        angular += config.rotation_damping_per_s * (turning_rad_s - velocity[3:])
        return np.concatenate([placed.sole_m_s2[foot] + linear, angular])
