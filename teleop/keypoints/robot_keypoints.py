"""The keypoints that a robot would have if it were the person: what it is retargeted from comes back."""

from __future__ import annotations

import numpy as np

from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.rotations import quat_from_matrix
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS, BodyKeypoints
from hlm.teleop.keypoints.named_points import CHEST, GRIP_IN_HAND, HEAD, PELVIS, SIDED, SIDES

_FRAMES = {
    "hip": "hip_roll",
    "knee": "knee",
    "ankle": "ankle_roll",
    "shoulder": "shoulder_roll",
    "elbow": "elbow",
    "wrist": "wrist_pitch",
    "hand": "grip",
}
_CHEST_IN_TORSO_M, _HEAD_IN_TORSO_M = np.array([0.0, 0.0, 0.2]), np.array([0.0, 0.0, 0.4])
_TOE_IN_SOLE_M = np.array([0.08, 0.0, 0.0])


def keypoints_of(
    model: BodyModel, configuration: Configuration, stamp_ns: int, *, orientations: bool = True
) -> BodyKeypoints:
    """A robot's keypoints.

    Args:
        model: the robot.
        configuration: in a world whose floor has height 0.
        stamp_ns: instant.
        orientations: with the quaternions of pelvis, chest, ankles and hands; else positions alone.
    """
    points_m = np.full((len(KEYPOINTS), 3), np.nan)
    quats = np.full((len(KEYPOINTS), 4), np.nan)

    def pose(frame: str) -> FloatArray:
        return model.pose_world_from(frame, configuration)

    torso = pose("torso")
    points_m[PELVIS] = configuration.position_pelvis_in_world_m
    points_m[[CHEST, HEAD]] = torso[:3, 3] + np.array([_CHEST_IN_TORSO_M, _HEAD_IN_TORSO_M]) @ torso[:3, :3].T
    quats[PELVIS], quats[CHEST] = configuration.quat_world_from_pelvis_wxyz, quat_from_matrix(torso[:3, :3])
    for side, of, grip_in_hand in zip(SIDES, SIDED, GRIP_IN_HAND, strict=True):
        for part, frame in _FRAMES.items():
            points_m[of[part]] = pose(f"{side}_{frame}")[:3, 3]
        sole = pose(f"{side}_sole")
        points_m[of["toe"]] = sole[:3, 3] + sole[:3, :3] @ _TOE_IN_SOLE_M
        quats[of["ankle"]] = quat_from_matrix(sole[:3, :3])
        quats[of["hand"]] = quat_from_matrix(pose(f"{side}_grip")[:3, :3] @ grip_in_hand.T)
    if not orientations:
        quats[:] = np.nan
    return BodyKeypoints(stamp_ns=stamp_ns, position_in_world_m=points_m, quat_world_from_keypoint_wxyz=quats)
