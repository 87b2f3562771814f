"""A person's body points to the G1's trajectory, by the inverse kinematics that teleoperation uses.

Legs and arms are scaled by their own lengths, pelvis and trunk turn as the person's, and the centre of mass is where
the person's was above the feet. Nothing makes the motion feasible: that is the tracker's part.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from tracker_parts.points import center_of_mass_m, chain_length_m, point
from tracker_parts.trajectory import row_of

from hlm.control.inverse_kinematics import BodyTargets, IKConfig, PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import BoolArray, FloatArray
from hlm.core.layout import MOTOR_WAIST
from hlm.core.rotations import quat_from_matrix, quat_from_yaw

# People stand with straight knees, at which inverse kinematics is singular and no height is left to balance with.
KNEE_ROOM = 0.97
HAND_M = 0.08  # from the wrist to where a hand holds things
ARM_ROOM = 0.97  # the same of elbows
_FIRST_ITERATIONS, _TRUNK_ITERATIONS, _ARM_ITERATIONS = 60, 2, 4
_STANDING_SHARE = 0.97
_SIDES = ("left", "right")


class Figures(NamedTuple):
    """Lengths of the robot: see `_figures`."""

    leg_m: float
    arm_m: float
    hip_below_pelvis_m: float
    ankle_above_sole_m: FloatArray


def retargeted(model: BodyModel, points_m: FloatArray) -> FloatArray:
    """[time, 36] trajectory of the robot that moves like a person.

    Args:
        model: the robot.
        points_m: [time, point, 3] the person's points on the 30 Hz grid, z up.
    """
    figures = _figures(model)
    targets, arms_m = body_targets(model, figures, points_m), arm_vectors_m(figures, points_m)
    solver = WholeBodyIK(model, IKConfig(waist_tilt_weight_per_rad=1.0, posture_weight_per_rad=0.1))
    pose = _start(model, targets[0], points_m)
    rows = []
    for index, target in enumerate(targets):
        # A hand hangs on a shoulder, whose place is only known when trunk and legs are.
        for iterations in (_TRUNK_ITERATIONS, _ARM_ITERATIONS):
            grips = tuple(
                PoseTarget(position_in_world_m=model.pose_world_from(f"{side}_shoulder_roll", pose)[:3, 3] + arm[index])
                for side, arm in zip(_SIDES, arms_m, strict=True)
            )
            count = iterations if index else _FIRST_ITERATIONS
            pose = solver.solve(replace(target, grips=(grips[0], grips[1])), pose, count)
        rows.append(row_of(pose))
    return np.array(rows)


def body_targets(model: BodyModel, figures: Figures, points_m: FloatArray) -> list[BodyTargets]:
    """Targets of feet, pelvis, waist and centre of mass for each frame of a person's points."""
    scale = KNEE_ROOM * figures.leg_m / chain_length_m(points_m, "hip", "knee", "ankle")
    ankles_m, soles = _feet(points_m, scale, figures)
    hips_m = 0.5 * (point(points_m, "left_hip") + point(points_m, "right_hip"))
    standing = hips_m[:, 2] >= _STANDING_SHARE * np.quantile(hips_m[:, 2], 0.95)
    pelvis = _upright(_turn(points_m, "hip", "pelvis", "spine"), standing)
    torso = _upright(_turn(points_m, "shoulder", "spine", "neck"), standing)
    floor_m = min(float(np.quantile(point(points_m, f"{side}_ankle")[:, 2], 0.1)) for side in _SIDES)
    hip_height_m = scale * (hips_m[:, 2] - floor_m) + figures.ankle_above_sole_m[2]
    height_m = hip_height_m + figures.hip_below_pelvis_m * pelvis[:, 2, 2]
    middle_m = np.mean([point(points_m, f"{side}_ankle") for side in _SIDES], axis=0)
    com_m = np.mean(ankles_m, axis=0)[:, :2] + scale * (center_of_mass_m(points_m) - middle_m)[:, :2]
    posture = np.repeat(model.embodiment.default_rad[None], len(points_m), axis=0)
    lower, upper = (limits[MOTOR_WAIST] for limits in (model.embodiment.lower_rad, model.embodiment.upper_rad))
    posture[:, MOTOR_WAIST] = np.clip(_waist(pelvis, torso), lower, upper)
    return [
        BodyTargets(
            soles=(soles[0][index], soles[1][index]),
            pelvis_height_m=float(height_m[index]),
            quat_world_from_pelvis_wxyz=quat_from_matrix(pelvis[index]),
            com_position_in_world_m=com_m[index],
            joint_position_rad=posture[index],
        )
        for index in range(len(points_m))
    ]


def arm_vectors_m(figures: Figures, points_m: FloatArray) -> list[FloatArray]:
    """[time, 3] from shoulder to grip in the world, of the left and right arm, at the robot's length, m."""
    scale = figures.arm_m / (chain_length_m(points_m, "shoulder", "elbow", "wrist") + HAND_M)
    vectors = []
    for side in _SIDES:
        shoulder_m, elbow_m, wrist_m = (point(points_m, f"{side}_{name}") for name in ("shoulder", "elbow", "wrist"))
        forearm = wrist_m - elbow_m
        hand_m = wrist_m + HAND_M * forearm / np.linalg.norm(forearm, axis=1, keepdims=True)
        vectors.append(ARM_ROOM * scale * (hand_m - shoulder_m))
    return vectors


def _start(model: BodyModel, target: BodyTargets, points_m: FloatArray) -> Configuration:
    """The standing robot where the person is, facing as they do."""
    standing = Configuration.standing(model.embodiment)
    place_m = np.zeros(2) if target.com_position_in_world_m is None else target.com_position_in_world_m
    return Configuration(
        position_pelvis_in_world_m=np.array([*place_m, standing.position_pelvis_in_world_m[2]]),
        quat_world_from_pelvis_wxyz=quat_from_yaw(_yaw_of(points_m)),
        joint_position_rad=standing.joint_position_rad,
    )


def _feet(points_m: FloatArray, scale: float, figures: Figures) -> tuple[list[FloatArray], list[list[PoseTarget]]]:
    """[time, 3] ankles, and targets of the soles, of the left and right foot."""
    ankles, soles = [], []
    for side in _SIDES:
        ankle_m, toe_m = point(points_m, f"{side}_ankle"), point(points_m, f"{side}_toe")
        rest_m = float(np.quantile(ankle_m[:, 2], 0.1))
        along_m = toe_m - ankle_m
        # At the end of a step the toe is below the ankle and says nothing of the heading: the shank's plane does.
        left = np.cross(point(points_m, f"{side}_knee") - ankle_m, along_m)
        yaw_rad = np.unwrap(np.arctan2(-left[:, 0], left[:, 1]))
        ahead_m = np.cos(yaw_rad) * along_m[:, 0] + np.sin(yaw_rad) * along_m[:, 1]
        pitch_rad = np.arctan2(-along_m[:, 2], ahead_m)
        flat = ankle_m[:, 2] < rest_m + 0.02
        pitch_rad = pitch_rad - float(np.median(pitch_rad[flat]))
        rotation = _yaw_pitch(yaw_rad, pitch_rad)
        ankle = scale * ankle_m
        ankle[:, 2] = figures.ankle_above_sole_m[2] + scale * (ankle_m[:, 2] - rest_m)
        sole_m = ankle - rotation @ figures.ankle_above_sole_m
        sole_m[:, 2] = np.maximum(sole_m[:, 2], 0.0)
        ankles.append(ankle)
        soles.append(
            [
                PoseTarget(position_in_world_m=position_m, quat_world_from_frame_wxyz=quat_from_matrix(turn))
                for position_m, turn in zip(sole_m, rotation, strict=True)
            ]
        )
    return ankles, soles


def _figures(model: BodyModel) -> Figures:
    """Lengths of the robot with all joints at zero, of its left side."""
    joints = np.zeros_like(model.embodiment.default_rad)
    zero = Configuration(
        position_pelvis_in_world_m=np.zeros(3),
        quat_world_from_pelvis_wxyz=np.array([1.0, 0.0, 0.0, 0.0]),
        joint_position_rad=joints,
    )
    hip, ankle, sole, shoulder, elbow, grip = (
        model.pose_world_from(f"left_{name}", zero)[:3, 3]
        for name in ("hip_roll", "ankle_roll", "sole", "shoulder_roll", "elbow", "grip")
    )
    return Figures(
        leg_m=float(hip[2] - ankle[2]),
        arm_m=float(np.linalg.norm(elbow - shoulder) + np.linalg.norm(grip - elbow)),
        hip_below_pelvis_m=float(-hip[2]),
        ankle_above_sole_m=ankle - sole,
    )


def _turn(points_m: FloatArray, sides: str, low: str, high: str) -> FloatArray:
    """[time, 3, 3] orientation whose y axis points to the left point of a pair, and z from one point to another."""
    left = point(points_m, f"left_{sides}") - point(points_m, f"right_{sides}")
    up = point(points_m, high) - point(points_m, low)
    forward = np.cross(left, up)
    forward /= np.linalg.norm(forward, axis=1, keepdims=True)
    up = up / np.linalg.norm(up, axis=1, keepdims=True)
    return np.stack([forward, np.cross(up, forward), up], axis=-1)


def _upright(turn: FloatArray, standing: BoolArray) -> FloatArray:
    """The orientations, with the pitch that the points have while the person stands taken for none."""
    pitch_rad = float(np.median(np.arctan2(-turn[standing, 2, 0], turn[standing, 2, 2])))
    return turn @ _yaw_pitch(np.zeros(1), np.array([-pitch_rad]))[0]


def _yaw_pitch(yaw_rad: FloatArray, pitch_rad: FloatArray) -> FloatArray:
    """[time, 3, 3] rotations by pitch about y, then by yaw about z."""
    cy, sy, cp, sp = np.cos(yaw_rad), np.sin(yaw_rad), np.cos(pitch_rad), np.sin(pitch_rad)
    zero = np.zeros_like(cy)
    rows = [[cy * cp, -sy, cy * sp], [sy * cp, cy, sy * sp], [-sp, zero, cp]]
    return np.moveaxis(np.array(rows), -1, 0)


def _waist(pelvis: FloatArray, torso: FloatArray) -> FloatArray:
    """[time, 3] yaw, roll and pitch of the waist, whose joints turn about z, x and y in that order."""
    between = np.swapaxes(pelvis, -1, -2) @ torso
    yaw = np.arctan2(-between[:, 0, 1], between[:, 1, 1])
    roll = np.arcsin(np.clip(between[:, 2, 1], -1.0, 1.0))
    pitch = np.arctan2(-between[:, 2, 0], between[:, 2, 2])
    return np.stack([yaw, roll, pitch], axis=-1)


def _yaw_of(points_m: FloatArray) -> float:
    """Heading of the person in the first frame, rad."""
    forward = _turn(points_m[:1], "hip", "pelvis", "spine")[0, :, 0]
    return float(np.arctan2(forward[1], forward[0]))
