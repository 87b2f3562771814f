"""Walking of a scripted operator: assumed foot positions, corrected by observing the true ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from hlm.control.interpolation import minimum_jerk
from hlm.control.walking_pattern import GaitConfig, WalkingPattern, WalkingPose, footsteps_to, middle
from hlm.core.arrays import FloatArray
from hlm.core.clock import STEP_HZ
from hlm.core.rotations import planar_from_pose, pose_from_planar

_CORRECTION_S = 0.4


class WalkingFeet:
    """Walks in the operator's own frame, which coincides with the world until the first walk.

    A walk does not end exactly where it was planned to. The operator can only command where the feet are relative to
    each other, so it keeps its assumed stance and instead corrects the pose of the world in its frame.

    Args:
        observed_soles: returns the true [foot, 3] x (m), y (m) and yaw (rad) of the soles in the world.
        gait: timing and step lengths.
    """

    def __init__(self, observed_soles: Callable[[], FloatArray], gait: GaitConfig) -> None:
        self._observed_soles = observed_soles
        self._gait = gait
        self._soles = observed_soles()
        self._pose_operator_from_world: FloatArray = np.eye(4)

    @property
    def pose_operator_from_stance(self) -> FloatArray:
        """[4, 4] stance frame in the operator's frame: on the floor midway between the feet, x ahead."""
        return pose_from_planar(middle(self._soles))

    @property
    def pose_stance_from_world(self) -> FloatArray:
        """[4, 4] world frame in the stance frame."""
        pose: FloatArray = np.linalg.inv(self.pose_operator_from_stance) @ self._pose_operator_from_world
        return pose

    def standing(self) -> WalkingPose:
        """Both feet on the floor, the centre of mass in the middle."""
        soles_m = np.column_stack([self._soles[:, :2], np.zeros(2)])
        return WalkingPose(soles_m, self._soles[:, 2], middle(self._soles)[:2])

    def distance_to(self, goal: FloatArray) -> tuple[float, float]:
        """Distance (m) and absolute turn (rad) from the stance to [3] x, y and yaw in the world."""
        x_m, y_m, yaw_rad = planar_from_pose(self.pose_stance_from_world @ pose_from_planar(goal))
        return float(np.hypot(x_m, y_m)), float(abs(yaw_rad))

    def walk_to(self, goal: FloatArray) -> Iterator[WalkingPose]:
        """The steps of a walk to [3] x, y and yaw in the world, followed by a correction of the assumed stance."""
        goal = planar_from_pose(self._pose_operator_from_world @ pose_from_planar(goal))
        pattern = WalkingPattern(footsteps_to(goal, self._soles, self._gait), self._soles, self._gait)
        for step in range(1, round(pattern.duration_s * STEP_HZ) + 1):
            yield pattern.at(step / STEP_HZ)
        end = pattern.at(pattern.duration_s)
        self._soles = np.column_stack([end.sole_position_m[:, :2], end.sole_yaw_rad])
        yield from self._correct()

    def _correct(self) -> Iterator[WalkingPose]:
        """Keep the stance frame, and move the assumed soles to where the feet truly are in it."""
        observed = self._observed_soles()
        pose_world_from_stance = pose_from_planar(middle(observed))
        self._pose_operator_from_world = self.pose_operator_from_stance @ np.linalg.inv(pose_world_from_stance)
        poses = [self._pose_operator_from_world @ pose_from_planar(sole) for sole in observed]
        assumed, true = self._soles, np.array([planar_from_pose(pose) for pose in poses])
        steps = round(_CORRECTION_S * STEP_HZ)
        for step in range(1, steps + 1):
            self._soles = assumed + minimum_jerk(step / steps) * (true - assumed)
            yield self.standing()
