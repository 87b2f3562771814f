"""Trajectories: [time, 36] rows of pelvis position (m), pelvis orientation (wxyz) and 29 joints (rad, motor order)."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from hlm.control.interpolation import minimum_jerk
from hlm.control.inverse_kinematics import BodyTargets, PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.clock import STEP_HZ
from hlm.core.layout import MOTOR_ORDER
from hlm.core.rotations import matrix_from_quat, quat_from_roll_pitch_yaw, quat_from_yaw, roll_pitch_yaw_from_quat
from hlm.sim.motions import find_motion

POSITION, QUAT, JOINTS_AT = slice(0, 3), slice(3, 7), slice(7, 36)
_MOST_TILT_RAD = 0.85  # references may ask for 0.9
_STANDS_WITHIN_M = 0.02
_STANDS_MARGIN_M = 0.005
_STILL_M_S = 0.1
_STANDS_UPRIGHTNESS = 0.8
_STANDS_HEIGHT_M = 0.35
_SETTLE_ITERATIONS = 60
_SPEED_OF_A_LIFT_PER_S = 10.0  # how much a foot in the air counts, m/s for each m


def resampled(trajectory: FloatArray, rate_hz: float, speed: float) -> FloatArray:
    """The trajectory on the 30 Hz grid, played at `speed` times its own speed."""
    end_s = (len(trajectory) - 1) / rate_hz / speed
    return _at(trajectory, np.arange(0.0, end_s + 1e-9, 1.0 / STEP_HZ) * speed * rate_hz)


def mirrored(trajectory: FloatArray) -> FloatArray:
    """The trajectory in a mirror: left is right. Its own inverse."""
    out = trajectory.copy()
    out[:, 1] *= -1.0
    out[:, [4, 6]] *= -1.0
    out[:, JOINTS_AT] = _MIRROR_SIGN * trajectory[:, JOINTS_AT][:, _MIRROR]
    return out


def at_origin(trajectory: FloatArray) -> FloatArray:
    """The trajectory moved and turned so that it starts at x = y = yaw = 0."""
    yaw_rad = float(roll_pitch_yaw_from_quat(trajectory[0, QUAT])[2])
    cosine, sine = np.cos(yaw_rad), np.sin(yaw_rad)
    out = trajectory.copy()
    offset_m = trajectory[:, :2] - trajectory[0, :2]
    out[:, 0] = cosine * offset_m[:, 0] + sine * offset_m[:, 1]
    out[:, 1] = -sine * offset_m[:, 0] + cosine * offset_m[:, 1]
    half = -0.5 * yaw_rad
    w, x, y, z = trajectory[:, QUAT].T
    out[:, 3], out[:, 6] = np.cos(half) * w - np.sin(half) * z, np.cos(half) * z + np.sin(half) * w
    out[:, 4], out[:, 5] = np.cos(half) * x - np.sin(half) * y, np.cos(half) * y + np.sin(half) * x
    return out


def lowest_m(model: BodyModel, trajectory: FloatArray) -> FloatArray:
    """[time, foot] height of the lowest corner of each sole, m."""
    data, pin_model = model.data(), model.pin_model
    corners_m = model.sole_corners_m
    out = np.empty((len(trajectory), 2))
    for index, row in enumerate(trajectory):
        pin.forwardKinematics(pin_model, data, configuration(row).vector)
        for foot, frame in enumerate(model.sole_frames):
            pose = pin.updateFramePlacement(pin_model, data, frame)
            out[index, foot] = pose.translation[2] + (corners_m @ pose.rotation[2]).min()
    return out


def on_the_floor(model: BodyModel, trajectory: FloatArray) -> FloatArray:
    """The trajectory with its pelvis at the height at which the lowest corner of a sole touches the floor."""
    out = trajectory.copy()
    out[:, 2] -= lowest_m(model, trajectory).min(axis=1)
    return out


def stands(model: BodyModel, trajectory: FloatArray) -> bool:
    """Whether a robot at rest could stand in the first pose: upright, slow, both soles down, balanced between them."""
    row = trajectory[0]
    if matrix_from_quat(row[QUAT])[2, 2] < _STANDS_UPRIGHTNESS or row[2] < _STANDS_HEIGHT_M:
        return False
    low_m = lowest_m(model, trajectory[:1])[0]
    velocity_m_s = (trajectory[min(3, len(trajectory) - 1), :3] - row[:3]) * STEP_HZ / 3.0
    if np.ptp(low_m) > _STANDS_WITHIN_M or np.linalg.norm(velocity_m_s) > _STILL_M_S:
        return False
    pose = configuration(row)
    com_m = model.com_position_in_world_m(pose)[:2]
    corners_m = np.concatenate(
        [
            (model.pose_world_from(f"{side}_sole", pose)[:3] @ np.column_stack([model.sole_corners_m, np.ones(4)]).T).T
            for side in ("left", "right")
        ]
    )[:, :2]
    directions = np.array([[np.cos(angle), np.sin(angle)] for angle in np.arange(16) * np.pi / 8.0])
    reach_m = (corners_m @ directions.T).max(axis=0)
    return bool((directions @ com_m < reach_m - _STANDS_MARGIN_M).all())


def lead_in(model: BodyModel, trajectory: FloatArray, duration_s: float = 1.0) -> FloatArray:
    """The trajectory with a second before it in which a robot that stands with its feet there takes its first pose.

    A recording is cut anywhere, and so begins in the middle of a stride at full speed: its first half second is played
    with a speed that grows from none. Where nobody could rest in its first pose (a crawl), the robot stands upright
    before it.
    """
    settled, first = settled_pose(model, trajectory[0]), trajectory[0]
    if not stands(model, settled[None]):
        settled = _upright_at(model, first)
    travelled = minimum_jerk(np.arange(round(duration_s * STEP_HZ)) / (duration_s * STEP_HZ))[:, None]
    ends = np.array([settled, first])
    if settled[QUAT] @ first[QUAT] < 0.0:
        ends[0, QUAT] *= -1.0
    rows = (1.0 - travelled) * ends[0] + travelled * ends[1]
    rows[:, QUAT] /= np.linalg.norm(rows[:, QUAT], axis=1, keepdims=True)
    return np.concatenate([on_the_floor(model, rows), eased(trajectory)])


def _upright_at(model: BodyModel, row: FloatArray) -> FloatArray:
    """[36] a robot that stands upright at the place and with the heading of a pose."""
    standing = row_of(find_motion(model, "stand").poses[0])
    standing[:2] = row[:2]
    standing[QUAT] = quat_from_yaw(float(roll_pitch_yaw_from_quat(row[QUAT])[2]))
    return standing


def settled_pose(model: BodyModel, row: FloatArray) -> FloatArray:
    """[36] the pose nearest to another in which a robot can rest: soles flat on the floor, balanced between them.

    Its pelvis is tilted no more than references may ask for.
    """
    tilt_rad = roll_pitch_yaw_from_quat(row[QUAT])
    tilt_rad[:2] = np.clip(tilt_rad[:2], -_MOST_TILT_RAD, _MOST_TILT_RAD)
    row = np.concatenate([row[POSITION], quat_from_roll_pitch_yaw(tilt_rad), row[JOINTS_AT]])
    pose = configuration(row)
    soles = []
    for side in ("left", "right"):
        placement = model.pose_world_from(f"{side}_sole", pose)
        yaw_rad = float(np.arctan2(placement[1, 0], placement[0, 0]))
        position_m = np.array([*placement[:2, 3], 0.0])
        soles.append(PoseTarget(position_in_world_m=position_m, quat_world_from_frame_wxyz=quat_from_yaw(yaw_rad)))
    targets = BodyTargets(
        soles=(soles[0], soles[1]),
        pelvis_height_m=float(row[2]),
        quat_world_from_pelvis_wxyz=row[QUAT],
        com_position_in_world_m=0.5 * (soles[0].position_in_world_m + soles[1].position_in_world_m)[:2],
        joint_position_rad=row[JOINTS_AT],
    )
    return on_the_floor(model, row_of(WholeBodyIK(model).solve(targets, pose, _SETTLE_ITERATIONS))[None])[0]


def eased(trajectory: FloatArray, duration_s: float = 0.5) -> FloatArray:
    """The trajectory with a speed that grows from none to its own over a time."""
    end_s = (len(trajectory) - 1) / STEP_HZ
    grid_s = np.arange(0.0, end_s + 0.5 * duration_s + 1e-9, 1.0 / STEP_HZ)
    own_s = np.where(grid_s < duration_s, grid_s**2 / (2.0 * duration_s), grid_s - 0.5 * duration_s)
    return _at(trajectory, own_s * STEP_HZ)


def calmest(model: BodyModel, trajectory: FloatArray, index: int, reach_s: float = 0.75) -> int:
    """The step near another one at which the body is slowest and its soles are most alike in height."""
    low, high = max(0, index - round(reach_s * STEP_HZ)), min(len(trajectory) - 1, index + round(reach_s * STEP_HZ))
    speed_m_s = np.linalg.norm(np.gradient(trajectory[low : high + 1, :3], axis=0), axis=1) * STEP_HZ
    apart_m = np.ptp(lowest_m(model, trajectory[low : high + 1]), axis=1)
    return low + int(np.argmin(speed_m_s + _SPEED_OF_A_LIFT_PER_S * apart_m))


def fitted(trajectory: FloatArray, steps: int) -> FloatArray:
    """The trajectory cut, or held at its end, to a number of steps."""
    held = np.repeat(trajectory[-1:], max(0, steps - len(trajectory)), axis=0)
    return np.concatenate([trajectory[:steps], held])


def configuration(row: FloatArray) -> Configuration:
    """The configuration of one row."""
    return Configuration(
        position_pelvis_in_world_m=row[POSITION],
        quat_world_from_pelvis_wxyz=row[QUAT],
        joint_position_rad=row[JOINTS_AT],
    )


def row_of(pose: Configuration) -> FloatArray:
    """[36] the row of a configuration."""
    return np.concatenate([pose.position_pelvis_in_world_m, pose.quat_world_from_pelvis_wxyz, pose.joint_position_rad])


def _at(trajectory: FloatArray, positions: FloatArray) -> FloatArray:
    """[time, 36] the trajectory between its rows, at positions counted in rows."""
    rows = trajectory.copy()
    for index in range(1, len(rows)):  # q and -q are one orientation: interpolate between neighbours
        if rows[index, QUAT] @ rows[index - 1, QUAT] < 0.0:
            rows[index, QUAT] *= -1.0
    out = np.column_stack([np.interp(positions, np.arange(len(rows)), column) for column in rows.T])
    out[:, QUAT] /= np.linalg.norm(out[:, QUAT], axis=1, keepdims=True)
    return out


def _mirror_of(name: str) -> int:
    other = {"left": "right", "right": "left"}
    side, _, joint = name.partition("_")
    return MOTOR_ORDER.index(f"{other[side]}_{joint}" if side in other else name)


_MIRROR = [_mirror_of(name) for name in MOTOR_ORDER]
_MIRROR_SIGN = np.array([-1.0 if name.endswith(("roll", "yaw")) else 1.0 for name in MOTOR_ORDER])
