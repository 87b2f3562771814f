"""Joints of WebXR's body tracking as keypoints."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.rotations import matrix_from_yaw, quat_from_matrix
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS, BodyKeypoints

_SIDED = {
    "hip": "upper-leg",
    "knee": "lower-leg",
    "ankle": "foot-ankle",
    "toe": "foot-ball",
    "shoulder": "arm-upper",
    "elbow": "arm-lower",
    "wrist": "hand-wrist",
    "hand": "hand-palm",
}

JOINTS: Mapping[str, str] = {
    "pelvis": "hips",
    "chest": "chest",
    "head": "head",
    **{f"{side}_{part}": f"{side}-{joint}" for part, joint in _SIDED.items() for side in ("left", "right")},
}
"""The joint (WebXR Body Tracking Module, Level 1) of each keypoint; a joint is where the bone of its name begins."""

# The module says how wrists and palms are turned, and of other joints only where their bone points. A hand's x axis
# points along the fingers: to the left or to the right in a T-pose.
_TURNED = {
    f"{side}_{part}": matrix_from_yaw(angle_rad)
    for side, angle_rad in (("left", np.pi / 2), ("right", -np.pi / 2))
    for part in ("wrist", "hand")
}


def keypoints_from_webxr(
    joints: Mapping[str, FloatArray], head: FloatArray | None, gripper_opening: FloatArray, stamp_ns: int
) -> BodyKeypoints:
    """The keypoints of a body.

    Args:
        joints: [4, 4] pose of each joint in our axes; those that are missing are not known.
        head: [4, 4] pose of the headset, which says where the head looks; None where it is not known.
        gripper_opening: [2] left, right.
        stamp_ns: instant of the capture.
    """
    position_m = np.full((len(KEYPOINTS), 3), np.nan)
    quat = np.full((len(KEYPOINTS), 4), np.nan)
    for index, name in enumerate(KEYPOINTS):
        pose = joints.get(JOINTS[name])
        if pose is None:
            continue
        position_m[index] = pose[:3, 3]
        if name in _TURNED:
            quat[index] = quat_from_matrix(pose[:3, :3] @ _TURNED[name].T)
    if head is not None:
        quat[KEYPOINTS.index("head")] = quat_from_matrix(head[:3, :3])
    return BodyKeypoints(
        stamp_ns=stamp_ns,
        position_in_world_m=position_m,
        quat_world_from_keypoint_wxyz=quat,
        gripper_opening=gripper_opening,
    )
