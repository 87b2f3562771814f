"""Where each keypoint stands in the arrays, and the orientations of pelvis and torso that points alone tell."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.keypoints.rigid import frame_of, known

SIDES = ("left", "right")
_PARTS = ("hip", "knee", "ankle", "toe", "shoulder", "elbow", "wrist", "hand")


def index(name: str) -> int:
    """Where a keypoint stands in `KEYPOINTS`."""
    return KEYPOINTS.index(name)


LEFT, RIGHT = ({part: index(f"{side}_{part}") for part in _PARTS} for side in SIDES)
SIDED = (LEFT, RIGHT)
PELVIS, CHEST, HEAD = index("pelvis"), index("chest"), index("head")
# Axes of each grip in those of the hand's keypoint, which is the identity in a T-pose with palms down: the grip's x
# points along the fingers, its y along the palm's normal, and its z where the thumb points, as the fingers close on y.
GRIP_IN_HAND = (
    np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]),
    np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]),
)


def middle_m(points_m: FloatArray, part: str) -> FloatArray:
    """[3] midway between the left and the right `part` of [keypoint, 3] points."""
    return 0.5 * (points_m[LEFT[part]] + points_m[RIGHT[part]])


def pelvis_from_points(points_m: FloatArray) -> FloatArray:
    """[3, 3] orientation of the pelvis from [keypoint, 3] points: hips, and the chest or else the shoulders."""
    top_m = points_m[CHEST] if known(points_m[CHEST]) else middle_m(points_m, "shoulder")
    return frame_of(points_m[LEFT["hip"]] - points_m[RIGHT["hip"]], top_m - middle_m(points_m, "hip"))


def torso_from_points(points_m: FloatArray) -> FloatArray:
    """[3, 3] orientation of the torso from [keypoint, 3] points: shoulders and hips."""
    up = middle_m(points_m, "shoulder") - middle_m(points_m, "hip")
    return frame_of(points_m[LEFT["shoulder"]] - points_m[RIGHT["shoulder"]], up)
