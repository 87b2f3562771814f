"""Where the parts of a person's body are."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hlm.core.arrays import FloatArray, frozen

_SIDED = ("hip", "knee", "ankle", "toe", "shoulder", "elbow", "wrist", "hand")

KEYPOINTS: tuple[str, ...] = (
    "pelvis",
    "chest",
    "head",
    *(f"{side}_{part}" for part in _SIDED for side in ("left", "right")),
)
"""Name of each keypoint. `hand` is the middle of the palm, `toe` the ball of the foot; the others are joints."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyKeypoints:
    """A person's pose at one instant, in a world whose z axis points up and whose floor has height 0.

    Attributes:
        stamp_ns: instant of the capture on the clock of the device that read it.
        position_in_world_m: [keypoint, 3] in the order of `KEYPOINTS`; not numbers where nothing is known.
        quat_world_from_keypoint_wxyz: [keypoint, 4] unit quaternions, not numbers where nothing is known. All are the
            identity where the person stands in a T-pose, looking along x: upright, arms out to the sides, palms down.
        gripper_opening: [2] left, right; 1 = open, 0 = closed.
    """

    stamp_ns: int
    position_in_world_m: FloatArray
    quat_world_from_keypoint_wxyz: FloatArray = field(default_factory=lambda: np.full((len(KEYPOINTS), 4), np.nan))
    gripper_opening: FloatArray = field(default_factory=lambda: np.ones(2))

    def __post_init__(self) -> None:
        """Check shapes and make the arrays read-only copies."""
        for name, shape in (
            ("position_in_world_m", (len(KEYPOINTS), 3)),
            ("quat_world_from_keypoint_wxyz", (len(KEYPOINTS), 4)),
            ("gripper_opening", (2,)),
        ):
            object.__setattr__(self, name, frozen(getattr(self, name), shape, name))
