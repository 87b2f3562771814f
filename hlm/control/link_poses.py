"""Link poses from recorded states, for drawing; not for control."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.layout import unpack
from hlm.core.rotations import quat_from_roll_pitch_yaw


def link_poses(model: BodyModel, state: FloatArray, heading_rad: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Poses of the links in a world whose ground has height 0.

    A state does not hold the robot's position: the lowest sole corner is put on the ground, and the middle of the
    soles above the origin.

    Args:
        model: the robot.
        state: [time, 34] see `hlm.core.layout`.
        heading_rad: [time] yaw of the pelvis, which a state does not hold either.

    Returns:
        [time, link, 3] link origins in the world, m, and [time, link, 3, 3] rotations to the world; links in the
        embodiment's order.
    """
    joints_rad, _, root = unpack(np.asarray(state, dtype=np.float64))
    quats_wxyz = quat_from_roll_pitch_yaw(np.column_stack([root[:, :2], heading_rad]))
    frames = [model.frame(link.name) for link in model.embodiment.links]
    origins_m = np.empty((len(state), len(frames), 3))
    rotations = np.empty((len(state), len(frames), 3, 3))
    data = model.data()
    for step, (joint_rad, quat_wxyz) in enumerate(zip(joints_rad, quats_wxyz, strict=True)):
        configuration = Configuration(
            position_pelvis_in_world_m=np.zeros(3), quat_world_from_pelvis_wxyz=quat_wxyz, joint_position_rad=joint_rad
        )
        pin.framesForwardKinematics(model.pin_model, data, configuration.vector)
        for link, frame in enumerate(frames):
            origins_m[step, link] = data.oMf[frame].translation
            rotations[step, link] = data.oMf[frame].rotation
        soles = [data.oMf[frame].act(corner) for frame in model.sole_frames for corner in model.sole_corners_m]
        origins_m[step] -= [*np.mean(soles, axis=0)[:2], np.min(soles, axis=0)[2]]
    return origins_m, rotations


def heading(yaw_rate_rad_s: FloatArray, stamp_s: FloatArray) -> FloatArray:
    """[time] yaw, rad: the [time] yaw rate integrated from 0 by the trapezoidal rule."""
    steps_rad = 0.5 * (yaw_rate_rad_s[1:] + yaw_rate_rad_s[:-1]) * np.diff(stamp_s)
    return np.concatenate([np.zeros(min(1, len(stamp_s))), np.cumsum(steps_rad)])
