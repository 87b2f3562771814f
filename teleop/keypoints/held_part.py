"""A part of the body that keeps its last good place while it cannot be seen, and comes back softly."""

from __future__ import annotations

import math

import numpy as np

from hlm.teleop.keypoints.limb_poses import PartPose
from hlm.teleop.keypoints.rigid import between

HOLD_S = 1.0
"""How long a part that is out of sight stays where it was; then it moves to its place in the posture."""
_POSTURE_TIME_S = 1.0
_RETURN_S, _FADE_S = 0.5, 0.25
_LEAST_SHARE = 0.02


class HeldPart:
    """Follows what is seen of a part.

    How much of the way to what is seen it goes in a frame falls while nothing is seen, and rises again after.
    """

    def __init__(self) -> None:
        self._pose: PartPose | None = None
        self._share, self._unseen_s = 1.0, 0.0

    @property
    def seen(self) -> bool:
        """Whether the last frame had it."""
        return self._unseen_s == 0.0

    def update(self, seen: PartPose | None, posture: PartPose, dt_s: float, lost_s: float) -> PartPose:
        """Where the part should be now.

        Args:
            seen: the part in this frame; None where it is unknown.
            posture: where the part goes when it stays unknown.
            dt_s: time since the last frame.
            lost_s: how much of that time frames were missing.
        """
        if self._pose is None:
            self._pose = posture if seen is None else seen
            self._unseen_s = 0.0 if seen is not None else HOLD_S
            return self._pose
        if seen is None:
            self._share = max(_LEAST_SHARE, self._share - dt_s / _FADE_S)
            self._unseen_s += dt_s
            if self._unseen_s > HOLD_S:
                self._pose = _mixed(self._pose, posture, 1.0 - math.exp(-dt_s / _POSTURE_TIME_S))
            return self._pose
        self._unseen_s = 0.0
        self._share = max(_LEAST_SHARE, self._share - lost_s / _FADE_S)
        self._pose = _mixed(self._pose, seen, self._share)
        self._share = min(1.0, self._share + dt_s / _RETURN_S)
        return self._pose


def _mixed(start: PartPose, end: PartPose, share: float) -> PartPose:
    """A share of the way from one pose to another; points that are unknown in one of them are the other's."""
    if share >= 1.0:
        return end
    points_m = (1.0 - share) * start.points_m + share * end.points_m
    points_m = np.where(np.isfinite(points_m), points_m, end.points_m)
    return PartPose(points_m, between(start.rotation, end.rotation, share), end.turns)
