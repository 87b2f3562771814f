"""When the person of a motion stands still: what a calibration wants to see."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import uniform_filter1d

from hlm.core.arrays import BoolArray, FloatArray
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.motion.world import middle

STANDING_S = 2.0
_MOST_TRUNK_TILT = np.deg2rad(20.0)
_LEAST_LEG_EXTENSION = 0.94  # of the distance from hip to ankle to the length of the leg
_MOST_SPEED_M_S = 0.25  # of pelvis and ankles
_BASE = [KEYPOINTS.index(name) for name in ("pelvis", "left_ankle", "right_ankle")]
_MOST_STEP_HEIGHT_M = 0.06  # between the ankles


def standing_window(
    position_in_world_m: FloatArray, frame_time_s: float, duration_s: float = STANDING_S
) -> slice | None:
    """The frames in which the person stands upright on two feet and moves least, arms included; None without any.

    Args:
        position_in_world_m: [time, keypoint, 3].
        frame_time_s: between two frames.
        duration_s: how long it must stand.
    """
    frames = max(2, round(duration_s / frame_time_s))
    if frames > len(position_in_world_m):
        return None
    speed = _speed_m_s(position_in_world_m, frame_time_s)
    stands = _upright(position_in_world_m) & (speed[:, _BASE].max(axis=1) < _MOST_SPEED_M_S)
    good = _window_mean(stands.astype(float), frames) > 1.0 - 0.5 / frames
    if not good.any():
        return None
    restless = np.where(good, _window_mean(np.nanmax(speed, axis=1), frames), np.inf)
    start = int(np.argmin(restless))
    return slice(start, start + frames)


def _upright(position: FloatArray) -> BoolArray:
    """[time] whether the trunk is upright, both legs are straight, and both feet are down."""
    trunk = middle(position, "shoulder") - middle(position, "hip")
    upright: BoolArray = trunk[:, 2] > np.cos(_MOST_TRUNK_TILT) * np.linalg.norm(trunk, axis=1)
    ankles = [_track(position, f"{side}_ankle") for side in ("left", "right")]
    upright &= np.abs(ankles[0][:, 2] - ankles[1][:, 2]) < _MOST_STEP_HEIGHT_M
    for side in ("left", "right"):
        hip, knee, ankle = (_track(position, f"{side}_{part}") for part in ("hip", "knee", "ankle"))
        length = np.linalg.norm(knee - hip, axis=1) + np.linalg.norm(ankle - knee, axis=1)
        # The drop, not the distance: a straight leg that is stretched out to a side does not stand.
        upright &= hip[:, 2] - ankle[:, 2] > _LEAST_LEG_EXTENSION * length
    return upright


def _speed_m_s(position: FloatArray, frame_time_s: float) -> FloatArray:
    """[time, keypoint] speed over about a tenth of a second; nan where a keypoint is not known."""
    smooth = uniform_filter1d(position, max(1, round(0.1 / frame_time_s)), axis=0, mode="nearest")
    speed: FloatArray = np.linalg.norm(np.gradient(smooth, frame_time_s, axis=0), axis=-1)
    return speed


def _window_mean(values: FloatArray, frames: int) -> FloatArray:
    """[time - frames + 1] mean of each window, by its first frame."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    return (total[frames:] - total[:-frames]) / frames


def _track(position: FloatArray, keypoint: str) -> FloatArray:
    found: FloatArray = position[:, KEYPOINTS.index(keypoint)]
    return found
