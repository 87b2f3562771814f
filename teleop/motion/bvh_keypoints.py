"""Keypoints of the skeleton of a BVH file."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.motion.bvh_file import BvhFile
from hlm.teleop.motion.bvh_pose import joint_poses, rest_positions
from hlm.teleop.motion.joint_names import placed_joints, plain_name
from hlm.teleop.motion.raw_motion import RawMotion, must_move

# The middle of the palm lies halfway to the knuckle of the middle finger, or to the tip of a hand without fingers; the
# ball of the foot at three quarters of the way to the tip of the toes.
_PALM, _BALL = 0.5, 0.75


def bvh_keypoints(bvh: BvhFile, given: Mapping[str, str], frame_time_s: float | None = None) -> RawMotion:
    """The keypoints of a BVH file.

    Args:
        bvh: the file.
        given: names of joints by keypoint, where the tables do not know them.
        frame_time_s: instead of that of the file.

    Raises:
        HlmError: joints that could not be placed, or a motion that is none.
    """
    must_move(len(bvh.values))
    placed = placed_joints([joint.name for joint in bvh.joints], given, has_chest=True)
    if "chest" not in placed and (chest := _chest(bvh, placed)) is not None:
        placed["chest"] = chest
    # A keypoint lies at its joint, or at a point that is fixed to it.
    points: dict[str, tuple[int, FloatArray]] = {keypoint: (index, np.zeros(3)) for keypoint, index in placed.items()}
    points |= _ends(bvh, placed)
    poses = joint_poses(bvh, {index for index, _ in points.values()})
    rest = rest_positions(bvh)
    frames = len(bvh.values)
    position = np.full((frames, len(KEYPOINTS), 3), np.nan)
    rotation = np.full((frames, len(KEYPOINTS), 3, 3), np.nan)
    rest_position = np.full((len(KEYPOINTS), 3), np.nan)
    for keypoint, (index, offset) in points.items():
        row, (origin, turn) = KEYPOINTS.index(keypoint), poses[index]
        position[:, row] = origin + turn @ offset
        rotation[:, row] = turn
        rest_position[row] = rest[index] + offset
    return RawMotion(
        frame_time_s=bvh.frame_time_s if frame_time_s is None else frame_time_s,
        position=position,
        rotation=rotation,
        rest_position=rest_position,
        joints={keypoint: _described(bvh, index, offset) for keypoint, (index, offset) in points.items()},
    )


def _chest(bvh: BvhFile, placed: Mapping[str, int]) -> int | None:
    """The last joint that carries both arms; None where that is the pelvis."""
    left, right = (_ancestors(bvh, placed[f"{side}_shoulder"]) for side in ("left", "right"))
    shared = [index for index in left if index in right]
    return shared[0] if shared and shared[0] != placed["pelvis"] else None


def _ancestors(bvh: BvhFile, index: int) -> list[int]:
    found = []
    while (index := bvh.joints[index].parent) >= 0:
        found.append(index)
    return found


def _ends(bvh: BvhFile, placed: Mapping[str, int]) -> dict[str, tuple[int, FloatArray]]:
    """Palms and balls of the feet of skeletons that have no joints there: what they are fixed to, and where."""
    ends = {}
    for side in ("left", "right"):
        for keypoint, carrier, share in (
            (f"{side}_hand", f"{side}_wrist", _PALM),
            (f"{side}_toe", f"{side}_ankle", _BALL),
        ):
            if keypoint not in placed and (offset := _outwards(bvh, placed[carrier])) is not None:
                ends[keypoint] = placed[carrier], share * offset
    return ends


def _outwards(bvh: BvhFile, index: int) -> FloatArray | None:
    """[3] from a joint to its middle finger, or to the middle of what it carries besides a thumb; None if nothing."""
    children = [joint for joint in bvh.joints if joint.parent == index and np.any(joint.offset)]
    fingers = [joint for joint in children if "thumb" not in plain_name(joint.name)[1]]
    middle = [joint for joint in fingers if "middle" in plain_name(joint.name)[1]]
    chosen = middle or fingers
    return np.mean([joint.offset for joint in chosen], axis=0) if chosen else None


def _described(bvh: BvhFile, index: int, offset: FloatArray) -> str:
    name = bvh.joints[index].name
    return f"{name} and its end" if np.any(offset) else name
