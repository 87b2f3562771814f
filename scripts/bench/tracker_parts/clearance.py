"""Arms opened as far as grippers need room beside the body: a person's hands are smaller, and may touch it."""

from __future__ import annotations

import numpy as np
from tracker_parts.trajectory import JOINTS_AT

from hlm.control.model import BodyModel
from hlm.control.self_distance import SelfDistance
from hlm.core.arrays import FloatArray
from hlm.core.clock import STEP_HZ
from hlm.core.layout import MOTOR_ORDER

CLEAR_M = 0.01
_STEP_RAD, _MOST_RAD = 0.1, 1.2
_AROUND_S = 0.3
_SIDES = ("left", "right")
_ROLLS = [MOTOR_ORDER.index(f"{side}_shoulder_roll") for side in _SIDES]
_OUTWARD = np.array([1.0, -1.0])


def cleared(model: BodyModel, trajectory: FloatArray) -> FloatArray:
    """The trajectory with each shoulder rolled outward until forearm and gripper are a centimetre from the body.

    Where that is not enough, as with hands that touch each other, the pose stays as far as it got.

    Args:
        model: the robot.
        trajectory: [time, 36].
    """
    distance = SelfDistance(model)
    opened_rad = np.array([_opened_rad(distance, row) for row in trajectory[:, JOINTS_AT]])
    out = trajectory.copy()
    joints = out[:, JOINTS_AT]  # a view
    joints[:, _ROLLS] += _OUTWARD * _smooth_upper(opened_rad)
    low, high = model.embodiment.lower_rad[_ROLLS], model.embodiment.upper_rad[_ROLLS]
    joints[:, _ROLLS] = np.clip(joints[:, _ROLLS], low, high)
    return out


def _opened_rad(distance: SelfDistance, joint_position_rad: FloatArray) -> FloatArray:
    """[side] by how much each shoulder has to roll outward."""
    opened_rad, joints = np.zeros(2), joint_position_rad.copy()
    while distance.smallest_m(joints) < CLEAR_M:
        side = _SIDES.index(distance.closest(joints)[0].partition("_")[0])
        if opened_rad[side] >= _MOST_RAD:
            break
        opened_rad[side] += _STEP_RAD
        joints[_ROLLS[side]] += _OUTWARD[side] * _STEP_RAD
    return opened_rad


def _smooth_upper(values: FloatArray) -> FloatArray:
    """[time, column] values that go up in time before they must, and never are below what is asked."""
    reach = round(_AROUND_S * STEP_HZ)
    padded = np.pad(values, ((2 * reach, 2 * reach), (0, 0)), mode="edge")
    largest = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0).max(axis=-1)
    kernel = np.hanning(2 * reach + 3)[1:-1]
    return np.column_stack([np.convolve(column, kernel / kernel.sum(), "valid") for column in largest.T])
