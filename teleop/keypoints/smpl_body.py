"""The 24 joints of SMPL bodies, as a PICO headset tells them, as keypoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS, BodyKeypoints

JOINTS = 24
_PAIRS = {"hip": 1, "knee": 4, "ankle": 7, "toe": 10, "shoulder": 16, "elbow": 18, "wrist": 20, "hand": 22}

INDICES: Mapping[str, int] = {
    "pelvis": 0,
    "chest": 9,
    "head": 15,
    **{
        f"{side}_{part}": index + shift
        for part, index in _PAIRS.items()
        for shift, side in enumerate(("left", "right"))
    },
}
"""Row of each keypoint in SMPL's order of joints; that of OpenXR's XR_BD_body_tracking is the same."""


def keypoints_from_smpl(poses: Sequence[FloatArray], gripper_opening: FloatArray, stamp_ns: int) -> BodyKeypoints:
    """The keypoints of a body.

    How the joints are turned is left unknown: no source says which way their axes point in a T-pose.

    Args:
        poses: [joint] of [4, 4], in SMPL's order, in a world whose z axis points up.
        gripper_opening: [2] left, right.
        stamp_ns: instant of the capture.
    """
    return BodyKeypoints(
        stamp_ns=stamp_ns,
        position_in_world_m=np.array([poses[INDICES[name]][:3, 3] for name in KEYPOINTS]),
        gripper_opening=gripper_opening,
    )
