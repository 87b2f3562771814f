"""Rotations as wxyz quaternions and roll-pitch-yaw, on top of SciPy; other conventions are converted at the rim."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from hlm.core.arrays import FloatArray
from hlm.core.errors import MismatchError

# How far a length may be from 1: what rounding to three decimals does. Everything else is no orientation.
_LENGTH_TOLERANCE = 1e-3


def must_be_unit(quat_wxyz: FloatArray, name: str = "an orientation") -> None:
    """Refuse [..., 4] quaternions that no rotation belongs to: zeros, other lengths than 1, not finite.

    Raises:
        MismatchError: with the name, and the first quaternion that is none.
    """
    length = np.sqrt(np.square(quat_wxyz).sum(axis=-1))
    wrong = ~(np.abs(length - 1.0) <= _LENGTH_TOLERANCE)
    if np.any(wrong):
        first = np.asarray(quat_wxyz).reshape(-1, 4)[int(np.argmax(wrong))]
        raise MismatchError(
            f"{name} must be a unit quaternion (w, x, y, z), got [{', '.join(f'{value:g}' for value in first)}]."
        )


def roll_pitch_yaw_from_quat(quat_wxyz: FloatArray) -> FloatArray:
    """[..., 3] roll, pitch, yaw in rad of [..., 4] wxyz quaternions (rotations about the fixed x, y, then z axis).

    Raises:
        MismatchError: a quaternion has not the length 1.
    """
    quat = np.asarray(quat_wxyz, dtype=np.float64)
    must_be_unit(quat)
    flat = Rotation.from_quat(quat.reshape(-1, 4), scalar_first=True).as_euler("xyz")
    return flat.reshape(*quat.shape[:-1], 3)


def quat_from_roll_pitch_yaw(roll_pitch_yaw_rad: FloatArray) -> FloatArray:
    """[..., 4] wxyz quaternions, w >= 0, of [..., 3] roll, pitch, yaw in rad; inverse of `roll_pitch_yaw_from_quat`."""
    angles = np.asarray(roll_pitch_yaw_rad, dtype=np.float64)
    rotation = Rotation.from_euler("xyz", angles.reshape(-1, 3))
    return rotation.as_quat(scalar_first=True, canonical=True).reshape(*angles.shape[:-1], 4)


def quat_from_yaw(yaw_rad: float) -> FloatArray:
    """[4] wxyz quaternion, w >= 0, of a rotation about the vertical."""
    return quat_from_roll_pitch_yaw(np.array([0.0, 0.0, yaw_rad]))


def matrix_from_quat(quat_wxyz: FloatArray) -> FloatArray:
    """[..., 3, 3] rotation matrices of [..., 4] wxyz quaternions.

    Raises:
        MismatchError: a quaternion has not the length 1.
    """
    quat = np.asarray(quat_wxyz, dtype=np.float64)
    must_be_unit(quat)
    flat = Rotation.from_quat(quat.reshape(-1, 4), scalar_first=True).as_matrix()
    return flat.reshape(*quat.shape[:-1], 3, 3)


def quat_from_matrix(matrix: FloatArray) -> FloatArray:
    """[..., 4] wxyz quaternions, w >= 0, of [..., 3, 3] rotation matrices."""
    rotation = np.asarray(matrix, dtype=np.float64)
    flat = Rotation.from_matrix(rotation.reshape(-1, 3, 3)).as_quat(scalar_first=True, canonical=True)
    return flat.reshape(*rotation.shape[:-2], 4)


def matrix_from_yaw(yaw_rad: float) -> FloatArray:
    """[3, 3] rotation about the vertical."""
    cosine, sine = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def pose_from_planar(planar: FloatArray) -> FloatArray:
    """[4, 4] homogeneous transform of [3] x (m), y (m) and yaw (rad) on the ground."""
    pose = np.eye(4)
    pose[:3, :3] = matrix_from_yaw(float(planar[2]))
    pose[:2, 3] = planar[:2]
    return pose


def planar_from_pose(pose: FloatArray) -> FloatArray:
    """[3] x (m), y (m) and yaw (rad) of a [4, 4] homogeneous transform; inverse of `pose_from_planar`."""
    return np.array([pose[0, 3], pose[1, 3], np.arctan2(pose[1, 0], pose[0, 0])])


def wrap_angle(angle_rad: FloatArray | float) -> FloatArray:
    """The same angles in [-pi, pi)."""
    wrapped = (np.asarray(angle_rad) + np.pi) % (2.0 * np.pi) - np.pi
    # The remainder of a hair less than -pi is rounded up to a whole turn.
    return np.where(wrapped < np.pi, wrapped, -np.pi)
