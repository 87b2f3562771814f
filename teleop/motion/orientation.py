"""Orientations of keypoints against a T-pose, whatever the rest pose of the file is.

The rest pose of a file, where all its angles are zero, is its own affair: a T-pose, arms that hang, or all bones along
one axis. So a pose is looked for in which the person stands upright with flat feet (`Stance`): the rest pose if it is
such a one, else moments of the motion. From there each arm is turned to the side the short way and each leg straight
down, which makes a T-pose: arms that hang with their palms at the thighs end with their palms down. In the stance the
head looks ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from hlm.core.arrays import FloatArray
from hlm.core.rotations import quat_from_matrix
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.motion.raw_motion import RawMotion
from hlm.teleop.motion.standing import standing_window
from hlm.teleop.motion.world import AXES, heading_rotation, middle, upright_axis

# A rest pose whose trunk and legs point along one axis this well (2 is best) is upright; each leg and the trunk alone
# must reach the second figure.
_LEAST_UPRIGHT, _LEAST_ALONG = 1.8, 0.85
_STANDING_S = 0.5
_MOST_STANCES = 30

# Each chain of keypoints from the body outwards, and where its bones point in a T-pose (x ahead, y left, z up).
_CHAINS = tuple(
    (tuple(f"{side}_{part}" for part in parts), direction)
    for side, outwards in (("left", 1.0), ("right", -1.0))
    for parts, direction in (
        (("shoulder", "elbow", "wrist", "hand"), (0.0, outwards, 0.0)),
        (("hip", "knee", "ankle"), (0.0, 0.0, -1.0)),
    )
)


class Stance(NamedTuple):
    """A pose of a person who stands upright with flat feet.

    Attributes:
        position: [keypoint, 3] in the file's axes.
        rotation: [keypoint, 3, 3] against the rest pose, in the file's axes.
        up: [3] the upward axis.
    """

    position: FloatArray
    rotation: FloatArray
    up: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Orientations:
    """Orientations of keypoints, and what they were measured against.

    Attributes:
        quat_world_from_keypoint_wxyz: [time, keypoint, 4]; not numbers where nothing is known.
        reference: in words.
    """

    quat_world_from_keypoint_wxyz: FloatArray
    reference: str


def orientations(motion: RawMotion, position_in_world_m: FloatArray, world_from_file: FloatArray) -> Orientations:
    """Orientations of the keypoints of a motion.

    Args:
        motion: as its file has it.
        position_in_world_m: [time, keypoint, 3] of the same motion.
        world_from_file: [3, 3] rotation from the file's axes to the world's.
    """
    unknown = np.full((*position_in_world_m.shape[:2], 4), np.nan)
    if motion.rotation is None:
        return Orientations(unknown, "none: the file has positions alone")
    stances, reference = _stances(motion, position_in_world_m, world_from_file)
    if not stances:
        return Orientations(unknown, reference)
    turns = motion.rotation
    for row in np.flatnonzero(np.isfinite(turns[0, :, 0, 0])):
        corrections = [
            stance.rotation[row].T @ t_pose_from_stance.T for stance, t_pose_from_stance in _raised(stances, row)
        ]
        keypoint_from_t_pose = Rotation.from_matrix(np.stack(corrections)).mean().as_matrix()
        unknown[:, row] = quat_from_matrix(world_from_file @ turns[:, row] @ keypoint_from_t_pose)
    return Orientations(unknown, reference)


def _stances(
    motion: RawMotion, position_in_world_m: FloatArray, world_from_file: FloatArray
) -> tuple[list[Stance], str]:
    """Poses that are taken for a stance, and what they are in words."""
    if motion.rest_position is not None and (up := _stands(motion.rest_position)) is not None:
        still = np.broadcast_to(np.eye(3), (len(KEYPOINTS), 3, 3))
        return [Stance(motion.rest_position, still, up)], "the rest pose of the skeleton, in which the person stands"
    window = standing_window(position_in_world_m, motion.frame_time_s, _STANDING_S)
    if window is None or motion.rotation is None:
        return [], "none: the rest pose is no standing person, and nobody stands still in the motion"
    frames = np.unique(np.linspace(window.start, window.stop - 1, _MOST_STANCES).astype(int))
    chosen = [Stance(motion.position[frame], motion.rotation[frame], world_from_file[2]) for frame in frames]
    start_s = window.start * motion.frame_time_s
    return chosen, f"the person standing still at {start_s:.1f} s: the rest pose of the skeleton is no standing person"


def _stands(rest_position: FloatArray) -> FloatArray | None:
    """[3] the upward axis of a rest pose in which a person stands; None when it is no such pose."""
    axis, upright = upright_axis(rest_position[None])
    up = np.array(AXES[axis])
    if upright < _LEAST_UPRIGHT:
        return None
    for side in ("left", "right"):
        thigh, shin = (
            _bone(rest_position, f"{side}_{a}", f"{side}_{b}") for a, b in (("hip", "knee"), ("knee", "ankle"))
        )
        if not min(-thigh @ up, -shin @ up) > _LEAST_ALONG:
            return None
    trunk = middle(rest_position, "shoulder") - middle(rest_position, "hip")
    across = _bone(rest_position, "right_hip", "left_hip")
    if not (trunk @ up > _LEAST_ALONG * np.linalg.norm(trunk) and abs(across @ up) < 1.0 - _LEAST_ALONG):
        return None
    return up


def _raised(stances: list[Stance], row: int) -> list[tuple[Stance, FloatArray]]:
    """Each stance, and the [3, 3] turn of a keypoint from the file's axes there to those of a T-pose."""
    raised: list[tuple[Stance, FloatArray]] = []
    for stance in stances:
        body_from_file = heading_rotation(stance.position, stance.up)
        raised.append((stance, _to_t_pose(stance.position @ body_from_file.T, KEYPOINTS[row]) @ body_from_file))
    return raised


def _to_t_pose(position: FloatArray, keypoint: str) -> FloatArray:
    """[3, 3] turn of a keypoint from a stance that looks along x to a T-pose."""
    turn = np.eye(3)
    if keypoint.endswith(("ankle", "toe")):
        side = keypoint.partition("_")[0]
        sole = _bone(position, f"{side}_ankle", f"{side}_toe")
        return _yaw_to_x(sole)
    for chain, direction in _CHAINS:
        if keypoint in chain:
            for start, end in pairwise(chain):
                bone = turn @ _bone(position, start, end)
                turn = _short_turn(bone, np.array(direction)) @ turn
                if start == keypoint:
                    break
    return turn


def _bone(position: FloatArray, start: str, end: str) -> FloatArray:
    """[3] unit vector between two keypoints; not numbers where one is unknown, or both are at the same place."""
    vector = position[KEYPOINTS.index(end)] - position[KEYPOINTS.index(start)]
    length = np.linalg.norm(vector)
    return vector / length if length > 0.0 else np.full(3, np.nan)


def _short_turn(start: FloatArray, end: FloatArray) -> FloatArray:
    """[3, 3] smallest rotation from one unit vector to another; none from or to an unknown one."""
    axis, cosine = np.cross(start, end), float(start @ end)
    sine = float(np.linalg.norm(axis))
    if not sine > 1e-9:
        return np.eye(3)
    return Rotation.from_rotvec(axis / sine * np.arctan2(sine, cosine)).as_matrix()


def _yaw_to_x(vector: FloatArray) -> FloatArray:
    """[3, 3] turn about the vertical that brings a vector ahead; none for an unknown one."""
    yaw = float(np.arctan2(vector[1], vector[0]))
    return Rotation.from_euler("z", -yaw if np.isfinite(yaw) else 0.0).as_matrix()
