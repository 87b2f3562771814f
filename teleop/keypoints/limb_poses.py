"""A person's limbs at the robot's size: where each part of the robot should be, as far as the keypoints tell."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hlm.control.model import rotation_from_quat
from hlm.core.arrays import FloatArray
from hlm.teleop.keypoints.body_keypoints import BodyKeypoints
from hlm.teleop.keypoints.calibration import Calibration
from hlm.teleop.keypoints.named_points import (
    CHEST,
    GRIP_IN_HAND,
    PELVIS,
    SIDED,
    middle_m,
    pelvis_from_points,
    torso_from_points,
)
from hlm.teleop.keypoints.rigid import UP, about_z, cross, known, unit, yaw_of

_SIGNS = (1.0, -1.0)


class PartPose(NamedTuple):
    """Where a part should be, in the coordinates of the part that carries it.

    Attributes:
        points_m: [point, 3] of pelvis or sole: its origin; of an arm: grip and elbow, from the shoulder.
        rotation: [3, 3].
        turns: whether the rotation about the part's own x axis is known.
    """

    points_m: FloatArray
    rotation: FloatArray
    turns: bool = True


class LimbPoses(NamedTuple):
    """All parts of a person at the robot's size; a part whose keypoints are unknown is None.

    Attributes:
        pelvis: in the world.
        torso: against the pelvis; without points.
        arms: left and right, in the torso.
        feet: left and right soles, in the world.
    """

    pelvis: PartPose | None
    torso: PartPose | None
    arms: tuple[PartPose | None, PartPose | None]
    feet: tuple[PartPose | None, PartPose | None]


def limb_poses(keypoints: BodyKeypoints, calibration: Calibration) -> LimbPoses:
    """The parts of a person, scaled limb by limb to the robot."""
    points_m, quats = keypoints.position_in_world_m, keypoints.quat_world_from_keypoint_wxyz
    pelvis, torso = _trunk(points_m, quats, calibration)
    heading = None if pelvis is None else about_z(yaw_of(pelvis))
    hips_m = middle_m(points_m, "hip")
    if not known(hips_m):
        hips_m = points_m[PELVIS]
    carrier = torso if torso is not None else pelvis
    arms = [None if carrier is None else _arm(side, points_m, quats, carrier, calibration) for side in (0, 1)]
    feet = [_foot(side, points_m, quats, heading, calibration) for side in (0, 1)]
    return LimbPoses(
        _pelvis(hips_m, pelvis, calibration),
        None if torso is None or pelvis is None else PartPose(np.zeros((0, 3)), pelvis.T @ torso),
        (arms[0], arms[1]),
        (feet[0], feet[1]),
    )


def _trunk(
    points_m: FloatArray, quats: FloatArray, calibration: Calibration
) -> tuple[FloatArray | None, FloatArray | None]:
    """[3, 3] orientations of pelvis and torso in the world, upright where the person stands upright."""
    found: list[FloatArray | None] = []
    for part, keypoint, from_points in ((0, PELVIS, pelvis_from_points), (1, CHEST, torso_from_points)):
        upright = calibration.trunk_from_quats[part]
        if known(quats[keypoint], upright):
            found.append(rotation_from_quat(quats[keypoint]) @ upright.T)
            continue
        rotation = from_points(points_m) @ calibration.trunk_from_points[part].T
        found.append(rotation if known(rotation) else None)
    return found[0], found[1]


def _pelvis(hips_m: FloatArray, rotation: FloatArray | None, calibration: Calibration) -> PartPose | None:
    if rotation is None or not known(hips_m):
        return None
    limbs, scale = calibration.limbs, calibration.leg_scale
    place_m = scale * hips_m
    place_m[2] += limbs.ankle_in_sole_m[2] - scale * float(calibration.ankle_rest_m.mean())
    return PartPose((place_m - rotation @ limbs.hip_in_pelvis_m.mean(axis=0))[None], rotation)


def _foot(
    side: int, points_m: FloatArray, quats: FloatArray, heading: FloatArray | None, calibration: Calibration
) -> PartPose | None:
    """The sole: the ankle's place at the robot's size, and the foot's direction."""
    ankle_m = points_m[SIDED[side]["ankle"]]
    if heading is None or not known(ankle_m):
        return None
    rotation = _foot_rotation(side, points_m, quats, heading, calibration)
    limbs, scale = calibration.limbs, calibration.leg_scale
    place_m = scale * ankle_m
    place_m[2] += limbs.ankle_in_sole_m[2] - scale * calibration.ankle_rest_m[side]
    # Robots' hips are wider apart than people's.
    wider_m = limbs.hip_in_pelvis_m[0, 1] - scale * calibration.hip_half_width_m
    place_m += _SIGNS[side] * wider_m * heading[:, 1]
    return PartPose((place_m - rotation @ limbs.ankle_in_sole_m)[None], rotation)


def _foot_rotation(
    side: int, points_m: FloatArray, quats: FloatArray, heading: FloatArray, calibration: Calibration
) -> FloatArray:
    """[3, 3] by the ankle's quaternion, else by the toe, else level and ahead."""
    ankle, toe, knee = (SIDED[side][part] for part in ("ankle", "toe", "knee"))
    if known(quats[ankle], calibration.feet_from_quats[side]):
        return rotation_from_quat(quats[ankle]) @ calibration.feet_from_quats[side].T
    along_m = points_m[toe] - points_m[ankle]
    if not known(along_m) or not np.isfinite(calibration.toe_drop_rad[side]):
        return heading
    # At the end of a step the toe is below the ankle and says nothing of the heading: the shank's plane does.
    left = cross(points_m[knee] - points_m[ankle], along_m) if known(points_m[knee]) else cross(UP, along_m)
    if np.hypot(left[0], left[1]) < 1e-3:
        return heading
    ahead = unit(np.array([left[1], -left[0], 0.0]))
    pitch_rad = float(np.arctan2(-along_m[2], along_m @ ahead)) - calibration.toe_drop_rad[side]
    c, s = np.cos(pitch_rad), np.sin(pitch_rad)
    rotation: FloatArray = np.column_stack([ahead, cross(UP, ahead), UP]) @ np.array(
        [[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]]
    )
    return rotation


def _arm(
    side: int, points_m: FloatArray, quats: FloatArray, torso: FloatArray, calibration: Calibration
) -> PartPose | None:
    """Grip and elbow from the shoulder; an unknown elbow is not numbers."""
    shoulder, elbow, wrist = (SIDED[side][part] for part in ("shoulder", "elbow", "wrist"))
    if not known(points_m[shoulder], points_m[wrist]):
        return None
    bent = known(points_m[elbow])
    forearm = unit(points_m[wrist] - points_m[elbow]) if bent else unit(points_m[wrist] - points_m[shoulder])
    if not known(forearm):
        return None
    grip, turns = _grip(side, points_m, quats, forearm)
    limbs, scale = calibration.limbs, calibration.arm_scale
    room = scale * (calibration.upper_arm_m + calibration.forearm_m + calibration.hand_m)
    room /= limbs.upper_arm_m + limbs.forearm_m + limbs.hand_m
    fingers_m = room * limbs.hand_m * grip[:, 0]
    if bent:
        elbow_m = room * limbs.upper_arm_m * unit(points_m[elbow] - points_m[shoulder])
        wrist_m = elbow_m + room * limbs.forearm_m * forearm
    else:
        elbow_m = np.full(3, np.nan)
        share = room * (limbs.upper_arm_m + limbs.forearm_m) / (calibration.upper_arm_m + calibration.forearm_m)
        wrist_m = share * (points_m[wrist] - points_m[shoulder])
    vectors_m = np.array([wrist_m + fingers_m, elbow_m])
    return PartPose(vectors_m @ torso, torso.T @ grip, turns)


def _grip(side: int, points_m: FloatArray, quats: FloatArray, forearm: FloatArray) -> tuple[FloatArray, bool]:
    """[3, 3] orientation of the grip, and whether more than its direction is known."""
    wrist, hand = SIDED[side]["wrist"], SIDED[side]["hand"]
    for keypoint in (hand, wrist):
        if known(quats[keypoint]):
            return rotation_from_quat(quats[keypoint]) @ GRIP_IN_HAND[side], True
    fingers = unit(points_m[hand] - points_m[wrist])
    x = fingers if known(fingers) else forearm
    up = UP if abs(x[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    y = unit(cross(up, x))
    return np.column_stack([x, y, cross(x, y)]), False
