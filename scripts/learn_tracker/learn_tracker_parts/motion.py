"""A motion as training wants it: poses and speeds of all links at 50 Hz, and the references that a tracker would play.

The keys and shapes of the first six arrays are those of mjlab's motion files (`mjlab.tasks.tracking`); its loader does
not mind the others.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pinocchio as pin
from scipy.interpolate import CubicSpline
from tracker_parts.streams import Stream
from tracker_parts.trajectory import JOINTS_AT, QUAT, configuration

from hlm.control.learned_tracker.observation import TRACKER_HZ
from hlm.control.model import BodyModel
from hlm.control.tracker.reference_stream import ReferenceStream, StreamConfig
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S, STEP_HZ
from hlm.core.embodiment import Embodiment
from hlm.core.layout import unpack
from hlm.core.rotations import quat_from_roll_pitch_yaw
from hlm.core.values import Reference
from hlm.runtime.safety.reference_limits import ReferenceLimits


class Motion(NamedTuple):
    """A motion; arrays are float32, links in the order of the embodiment's table.

    Attributes:
        joint_pos: [time, 29] rad, motor order.
        joint_vel: [time, 29] rad/s.
        body_pos_w: [time, link, 3] m.
        body_quat_w: [time, link, 4] wxyz.
        body_lin_vel_w: [time, link, 3] of the link's origin, m/s.
        body_ang_vel_w: [time, link, 3] rad/s.
        reference: [time, 34] what a tracker plays while the motion is meant.
        stream: [step, 34] the references at 30 Hz that this comes from.
    """

    joint_pos: FloatArray
    joint_vel: FloatArray
    body_pos_w: FloatArray
    body_quat_w: FloatArray
    body_lin_vel_w: FloatArray
    body_ang_vel_w: FloatArray
    reference: FloatArray
    stream: FloatArray


def motion_of(model: BodyModel, stream: Stream) -> Motion:
    """The motion that a stream means, no faster than references may be, with the references that it sends."""
    meant = replace(stream, meant=limited(stream.meant, model.embodiment))
    poses = at_tracker_rate(meant_trajectory(meant))
    sent = limited(stream.vectors, model.embodiment)
    reference = played(sent)
    position_m, quat = link_poses(model, poses)
    joints = poses[:, JOINTS_AT]
    arrays = (
        joints,
        rate_of_change(joints),
        position_m,
        quat,
        rate_of_change(position_m),
        angular_velocity(quat),
        reference,
        sent,
    )
    return Motion(*(np.ascontiguousarray(array, dtype=np.float32) for array in arrays))


def meant_trajectory(stream: Stream) -> FloatArray:
    """[step, 36] poses that a stream means; see `tracker_parts.trajectory`."""
    parts = unpack(stream.meant)
    quat = quat_from_roll_pitch_yaw(np.column_stack([parts.root[:, :2], stream.heading_rad]))
    return np.column_stack([stream.place_m, stream.height_m, quat, parts.joint_position_rad])


def limited(vectors: FloatArray, embodiment: Embodiment) -> FloatArray:
    """[step, 34] references as the control loop lets them through: within range and speed."""
    limits = ReferenceLimits(embodiment)
    out = np.array(vectors)
    out[0] = limits.inside(out[0])
    for step in range(1, len(out)):
        out[step] = limits.limited(out[step], out[step - 1], 1.0 / STEP_HZ)
    return out


def played(vectors: FloatArray) -> FloatArray:
    """[time, 34] references at 30 Hz on the grid of the tracker, by the tracker's own resampling."""
    stream = ReferenceStream(TRACKER_HZ, StreamConfig().ease_in_s)
    out = [stream.start(0, vectors[0])]
    out += [stream.push(Reference(round(step * NS_PER_S / STEP_HZ), vector)) for step, vector in enumerate(vectors)]
    return np.concatenate(out)


def at_tracker_rate(trajectory: FloatArray) -> FloatArray:
    """[time, 36] a trajectory at 30 Hz, by cubic splines on the grid of `played`."""
    rows = trajectory.copy()
    for index in range(1, len(rows)):  # q and -q are one orientation: interpolate between neighbours
        if rows[index, QUAT] @ rows[index - 1, QUAT] < 0.0:
            rows[index, QUAT] *= -1.0
    end_s = (len(rows) - 1) / STEP_HZ
    times_s = np.arange(int(end_s * TRACKER_HZ + 1e-6) + 1) / TRACKER_HZ
    out: FloatArray = CubicSpline(np.arange(len(rows)) / STEP_HZ, rows)(times_s)
    out[:, QUAT] /= np.linalg.norm(out[:, QUAT], axis=1, keepdims=True)
    return out


def link_poses(model: BodyModel, trajectory: FloatArray) -> tuple[FloatArray, FloatArray]:
    """[time, link, 3] positions and [time, link, 4] orientations (wxyz) of all links, in the table's order."""
    data, pin_model = model.data(), model.pin_model
    frames = [model.frame(link.name) for link in model.embodiment.links]
    position_m = np.empty((len(trajectory), len(frames), 3))
    quat = np.empty((len(trajectory), len(frames), 4))
    for time, row in enumerate(trajectory):
        pin.forwardKinematics(pin_model, data, configuration(row).vector)
        for index, frame in enumerate(frames):
            pose = pin.updateFramePlacement(pin_model, data, frame)
            position_m[time, index] = pose.translation
            x, y, z, w = pin.Quaternion(pose.rotation).coeffs()
            quat[time, index] = w, x, y, z
    flips = np.cumprod(np.where((quat[1:] * quat[:-1]).sum(axis=-1) < 0.0, -1.0, 1.0), axis=0)
    quat[1:] *= flips[..., None]
    return position_m, quat


def rate_of_change(values: FloatArray) -> FloatArray:
    """[time, ...] derivative by central differences, per second."""
    out: FloatArray = np.gradient(values, 1.0 / TRACKER_HZ, axis=0)
    return out


def angular_velocity(quat: FloatArray) -> FloatArray:
    """[time, ..., 3] angular velocity in the world of [time, ..., 4] orientations (wxyz, continuous), rad/s."""
    w, xyz = quat[..., :1], quat[..., 1:]
    rate = rate_of_change(quat)
    # omega = 2 q' q*, of which the scalar part is 0
    return 2.0 * (w * rate[..., 1:] - rate[..., :1] * xyz - np.cross(rate[..., 1:], xyz))
