"""A foot that stands: flat on the floor, and not sliding, until the operator lifts theirs."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.teleop.keypoints.limb_poses import PartPose
from hlm.teleop.keypoints.rigid import about_z, between, yaw_of

_FLATTEN_S, _FOLLOW_S, _SPEED_S = 0.05, 0.12, 0.08


class _Bounds(NamedTuple):
    """What a standing foot keeps within, at the robot's size."""

    height_m: float
    tilt_rad: float
    speed_m_s: float
    slide_m: float
    turn_rad: float


# A foot begins to stand within the first, and stands until it leaves the second.
_BEGIN = _Bounds(height_m=0.025, tilt_rad=0.2, speed_m_s=0.25, slide_m=0.06, turn_rad=0.3)
_END = _Bounds(height_m=0.05, tilt_rad=0.4, speed_m_s=0.6, slide_m=0.06, turn_rad=0.3)


class StandingFoot:
    """Where a sole should be.

    While it stands it keeps its place and becomes flat. When it is lifted, what it has stayed behind is made up for
    within the swing.

    Args:
        corners_m: [corner, 3] of the sole in its frame.
    """

    def __init__(self, corners_m: FloatArray) -> None:
        self._corners_m = corners_m
        self._seen: PartPose | None = None
        self._speed_m_s = 0.0
        self._began: PartPose | None = None
        self._behind_m, self._behind = np.zeros(3), np.eye(3)
        self._pose: PartPose | None = None

    @property
    def stands(self) -> bool:
        """Whether it stands."""
        return self._began is not None

    def update(self, seen: PartPose, dt_s: float) -> PartPose:
        """The sole's pose in the world.

        Args:
            seen: where the operator's sole is, at the robot's size.
            dt_s: time since the last frame.
        """
        self._notice(seen, dt_s)
        before = self._pose
        if before is None:
            self._pose = self._flat(seen, 1.0) if self.stands else self._above_floor(seen.points_m[0], seen.rotation)
        elif self.stands:
            self._pose = self._flat(before, 1.0 - math.exp(-dt_s / _FLATTEN_S))
        else:
            keep = math.exp(-dt_s / _FOLLOW_S)
            place_m = seen.points_m[0] + keep * self._behind_m
            self._pose = self._above_floor(place_m, between(np.eye(3), self._behind, keep) @ seen.rotation)
        self._behind_m = self._pose.points_m[0] - seen.points_m[0]
        self._behind = self._pose.rotation @ seen.rotation.T
        return self._pose

    def _notice(self, seen: PartPose, dt_s: float) -> None:
        """Find out whether the operator's foot stands."""
        if self._seen is not None:
            speed_m_s = float(np.linalg.norm(seen.points_m[0] - self._seen.points_m[0])) / dt_s
            self._speed_m_s += (1.0 - math.exp(-dt_s / _SPEED_S)) * (speed_m_s - self._speed_m_s)
        self._seen = seen
        if self._began is None and self._within(seen, seen, _BEGIN):
            self._began = seen
        elif self._began is not None and not self._within(seen, self._began, _END):
            self._began = None

    def _within(self, seen: PartPose, began: PartPose, bounds: _Bounds) -> bool:
        slid_m = seen.points_m[0, :2] - began.points_m[0, :2]
        turned_rad = math.remainder(yaw_of(seen.rotation) - yaw_of(began.rotation), 2.0 * math.pi)
        return bool(
            seen.points_m[0, 2] < bounds.height_m
            and seen.rotation[2, 2] > math.cos(bounds.tilt_rad)
            and self._speed_m_s < bounds.speed_m_s
            and np.hypot(slid_m[0], slid_m[1]) < bounds.slide_m
            and abs(turned_rad) < bounds.turn_rad
        )

    def _flat(self, pose: PartPose, share: float) -> PartPose:
        place_m = pose.points_m[0] * np.array([1.0, 1.0, 1.0 - share])
        return PartPose(place_m[None], between(pose.rotation, about_z(yaw_of(pose.rotation)), share))

    def _above_floor(self, place_m: FloatArray, rotation: FloatArray) -> PartPose:
        lowest_m = float((place_m[2] + self._corners_m @ rotation[2]).min())
        return PartPose((place_m - np.array([0.0, 0.0, min(0.0, lowest_m)]))[None], rotation)
