"""The skeleton of pybullet's humanoid motions: body points from its frames of rotations."""

from __future__ import annotations

import numpy as np
from tracker_parts.points import POINTS

from hlm.core.arrays import FloatArray
from hlm.core.rotations import matrix_from_quat

FRAME_SIZE = 44
# Offsets from parent to child, m: x forward, y up, z to the right (pybullet_data/humanoid/humanoid.urdf at scale 0.25).
_CHEST = (0.0, 0.236151, 0.0)
_NECK = (0.0, 0.223894, 0.0)
_HIP_Z, _THIGH, _SHANK = 0.084887, 0.421546, 0.40987
_SHOULDER, _SHOULDER_Z = (-0.02405, 0.2435), 0.18311
_UPPER_ARM, _FOREARM = 0.274788, 0.258947
_TOE = (0.13, -0.05, 0.0)


def body_points(frames: FloatArray) -> FloatArray:
    """[time, point, 3] points of [time, 44] frames, m, z up, x forward.

    A frame is: its duration (s), root position (3), root, chest, neck, right hip (quaternions wxyz), right knee
    (rad), right ankle, right shoulder (wxyz), right elbow (rad), and the same for the left side.
    """
    root_m = frames[:, 1:4]
    root = matrix_from_quat(_unit(frames[:, 4:8]))
    chest = root @ matrix_from_quat(_unit(frames[:, 8:12]))
    chest_m = root_m + root @ np.array(_CHEST)
    points = {"pelvis": root_m, "spine": chest_m, "neck": chest_m + chest @ np.array(_NECK)}
    for side, sign, first in (("right", 1.0, 16), ("left", -1.0, 30)):
        hip = root @ matrix_from_quat(_unit(frames[:, first : first + 4]))
        knee = hip @ _about_z(frames[:, first + 4])
        ankle = knee @ matrix_from_quat(_unit(frames[:, first + 5 : first + 9]))
        shoulder = chest @ matrix_from_quat(_unit(frames[:, first + 9 : first + 13]))
        elbow = shoulder @ _about_z(frames[:, first + 13])
        hip_m = root_m + root @ np.array([0.0, 0.0, sign * _HIP_Z])
        knee_m = hip_m + hip @ np.array([0.0, -_THIGH, 0.0])
        ankle_m = knee_m + knee @ np.array([0.0, -_SHANK, 0.0])
        shoulder_m = chest_m + chest @ np.array([*_SHOULDER, sign * _SHOULDER_Z])
        elbow_m = shoulder_m + shoulder @ np.array([0.0, -_UPPER_ARM, 0.0])
        limbs = (hip_m, knee_m, ankle_m, ankle_m + ankle @ np.array(_TOE), shoulder_m, elbow_m)
        points |= dict(zip((f"{side}_{name}" for name in _LIMBS), limbs, strict=True))
        points[f"{side}_wrist"] = elbow_m + elbow @ np.array([0.0, -_FOREARM, 0.0])
    y_up = np.stack([points[name] for name in POINTS], axis=1)
    return np.stack([y_up[..., 0], -y_up[..., 2], y_up[..., 1]], axis=-1)


_LIMBS = ("hip", "knee", "ankle", "toe", "shoulder", "elbow")


def _unit(quat: FloatArray) -> FloatArray:
    return quat / np.linalg.norm(quat, axis=-1, keepdims=True)


def _about_z(angle_rad: FloatArray) -> FloatArray:
    """[time, 3, 3] rotations about z."""
    half = 0.5 * angle_rad
    zero = np.zeros_like(half)
    return matrix_from_quat(np.stack([np.cos(half), zero, zero, np.sin(half)], axis=-1))
