"""Standard motions that test trackers: squats, bends, reaches and walks, as noise-free poses and as noisy streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hlm.control.interpolation import minimum_jerk
from hlm.control.inverse_kinematics import BodyTargets, PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.control.walking_pattern import Footstep, GaitConfig, WalkingPattern, footsteps_along, middle
from hlm.core.arrays import FloatArray
from hlm.core.clock import STEP_HZ
from hlm.core.layout import JOINTS, pack
from hlm.core.rotations import quat_from_roll_pitch_yaw, quat_from_yaw, roll_pitch_yaw_from_quat

STANCE = np.array([[0.0, 0.118, 0.0], [0.0, -0.118, 0.0]])
UPRIGHT_M = 0.74
NOISE_TIME_CONSTANT_S = 0.1
_SETTLE_ITERATIONS = 60
_STILL_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A keyframe of a motion in double support, in the world whose origin is midway between the soles.

    Attributes:
        duration_s: time since the keyframe before.
        pelvis_height_m: height of the pelvis.
        roll_pitch_yaw_rad: orientation of the pelvis.
        com_position_m: x and y of the centre of mass.
        left_hand_m: position of the left grip; None leaves the arm free.
        right_hand_m: position of the right grip; None leaves the arm free.
    """

    duration_s: float
    pelvis_height_m: float = UPRIGHT_M
    roll_pitch_yaw_rad: tuple[float, float, float] = (0.0, 0.0, 0.0)
    com_position_m: tuple[float, float] = (0.0, 0.0)
    left_hand_m: tuple[float, float, float] | None = None
    right_hand_m: tuple[float, float, float] | None = None


_STAND = Key(duration_s=1.0)
KEYS: dict[str, tuple[Key, ...]] = {
    "stand": (_STAND, Key(duration_s=4.0)),
    "squat": (
        _STAND,
        Key(duration_s=2.0, pelvis_height_m=0.55),
        Key(duration_s=1.0, pelvis_height_m=0.55),
        Key(duration_s=2.0),
        _STAND,
    ),
    "deep": (
        _STAND,
        Key(duration_s=2.0, pelvis_height_m=0.44),
        Key(duration_s=1.0, pelvis_height_m=0.44),
        Key(duration_s=2.0),
        _STAND,
    ),
    "fast": (
        _STAND,
        Key(duration_s=0.8, pelvis_height_m=0.5),
        Key(duration_s=0.8),
        Key(duration_s=0.8, pelvis_height_m=0.5),
        _STAND,
    ),
    "bend": (
        _STAND,
        Key(duration_s=2.0, pelvis_height_m=0.68, roll_pitch_yaw_rad=(0.0, 0.6, 0.0)),
        Key(duration_s=1.0, pelvis_height_m=0.68, roll_pitch_yaw_rad=(0.0, 0.6, 0.0)),
        Key(duration_s=2.0),
        _STAND,
    ),
    "reach": (
        Key(duration_s=1.0, left_hand_m=(0.25, 0.2, 0.85), right_hand_m=(0.25, -0.2, 0.85)),
        Key(
            duration_s=2.0,
            pelvis_height_m=0.5,
            roll_pitch_yaw_rad=(0.0, 0.5, 0.0),
            left_hand_m=(0.38, 0.15, 0.3),
            right_hand_m=(0.38, -0.15, 0.3),
        ),
        Key(duration_s=2.0, left_hand_m=(0.28, 0.2, 1.25), right_hand_m=(0.28, -0.2, 1.25)),
        Key(duration_s=2.0, left_hand_m=(0.35, 0.35, 1.0), right_hand_m=(0.4, -0.1, 1.0)),
        Key(duration_s=1.0, left_hand_m=(0.35, 0.35, 1.0), right_hand_m=(0.4, -0.1, 1.0)),
    ),
    "lean": (
        _STAND,
        Key(duration_s=1.5, com_position_m=(0.04, 0.05), roll_pitch_yaw_rad=(0.15, 0.0, 0.0)),
        Key(duration_s=2.0, com_position_m=(-0.02, -0.05), roll_pitch_yaw_rad=(-0.15, 0.1, 0.3)),
        Key(duration_s=1.5),
        _STAND,
    ),
    # Both hands circle at shoulder width, like the arm motion of a policy while the legs stand.
    "arms": tuple(
        Key(
            duration_s=0.4,
            left_hand_m=(0.32 + 0.08 * np.cos(angle), 0.2, 0.95 + 0.15 * np.sin(angle)),
            right_hand_m=(0.32 - 0.08 * np.cos(angle), -0.2, 0.95 - 0.15 * np.sin(angle)),
        )
        for angle in np.arange(12) * np.pi / 3.0
    ),
}

# Forward (m/s), sideways (m/s) and yaw (rad/s) velocity, and duration (s).
VELOCITIES: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "in_place": ((0.0, 0.0, 0.0, 6.0),),
    "forward_0.2": ((0.2, 0.0, 0.0, 8.0),),
    "forward_0.3": ((0.3, 0.0, 0.0, 8.0),),
    "backward_0.2": ((-0.2, 0.0, 0.0, 8.0),),
    "sideways_0.1": ((0.0, 0.1, 0.0, 8.0),),
    "turn_0.4": ((0.0, 0.0, 0.4, 8.0),),
    "mix": (
        (0.2, 0.0, 0.0, 3.0),
        (0.2, 0.0, 0.3, 3.0),
        (0.0, -0.1, 0.0, 3.0),
        (-0.2, 0.0, 0.0, 3.0),
        (0.0, 0.0, -0.4, 3.0),
    ),
}
NAMES = (*KEYS, *VELOCITIES)


class Motion(NamedTuple):
    """A motion on the 30 Hz grid.

    Attributes:
        poses: configuration of each step.
        yaw_rate_rad_s: [time] yaw rate of the pelvis.
        targets: targets of the inverse kinematics that each pose was solved for.
    """

    poses: tuple[Configuration, ...]
    yaw_rate_rad_s: FloatArray
    targets: tuple[BodyTargets, ...]


def find_motion(model: BodyModel, name: str) -> Motion:
    """The motion with one of `NAMES`."""
    if name in KEYS:
        return through_keys(model, KEYS[name])
    gait = GaitConfig()
    return walk(model, footsteps_along(VELOCITIES[name], STANCE, gait), gait)


def through_keys(model: BodyModel, keys: Sequence[Key]) -> Motion:
    """A motion through keyframes, with minimum jerk between them."""
    solver = WholeBodyIK(model)
    standing = Configuration.standing(model.embodiment)
    targets = [_double_support(_values(_STAND), (None, None))]
    poses = [solver.solve(targets[0], standing, _SETTLE_ITERATIONS)]
    before = _STAND
    for key in keys:
        grips = [model.pose_world_from(f"{side}_grip", poses[-1])[:3, 3] for side in ("left", "right")]
        steps = round(key.duration_s * STEP_HZ)
        for step in range(1, steps + 1):
            travelled = minimum_jerk(step / steps)
            values = (1.0 - travelled) * _values(before) + travelled * _values(key)
            left, right = (
                None if end is None else start + travelled * (np.array(end) - start)
                for start, end in zip(grips, (key.left_hand_m, key.right_hand_m), strict=True)
            )
            targets.append(_double_support(values, (left, right)))
            poses.append(solver.solve(targets[-1], poses[-1]))
        before = key
    return _motion(poses, targets)


def walk(model: BodyModel, footsteps: Sequence[Footstep], gait: GaitConfig) -> Motion:
    """A walk from the standard stance, with a second of standing before and after it."""
    solver, pattern = WholeBodyIK(model), WalkingPattern(footsteps, STANCE, gait)
    poses: list[Configuration] = []
    targets: list[BodyTargets] = []
    for step in range(round((_STILL_S + pattern.duration_s + _STILL_S) * STEP_HZ)):
        now = pattern.at(step / STEP_HZ - _STILL_S)
        heading = middle(np.column_stack([now.sole_position_m[:, :2], now.sole_yaw_rad]))[2]
        left, right, pelvis = (quat_from_yaw(yaw) for yaw in (*now.sole_yaw_rad, heading))
        target = BodyTargets(
            soles=(
                PoseTarget(position_in_world_m=now.sole_position_m[0], quat_world_from_frame_wxyz=left),
                PoseTarget(position_in_world_m=now.sole_position_m[1], quat_world_from_frame_wxyz=right),
            ),
            pelvis_height_m=UPRIGHT_M,
            quat_world_from_pelvis_wxyz=pelvis,
            com_position_in_world_m=now.com_position_m,
        )
        start = poses[-1] if poses else Configuration.standing(model.embodiment)
        poses.append(solver.solve(target, start, None if poses else _SETTLE_ITERATIONS))
        targets.append(target)
    return _motion(poses, targets)


def stream(motion: Motion, noise_rad: float, random: np.random.Generator) -> FloatArray:
    """[time, 34] references of a motion, with noise and open grippers.

    Args:
        motion: the noise-free motion.
        noise_rad: standard deviation of low-passed Gaussian noise on each joint; half of it on roll and pitch.
        random: generator of the noise.
    """
    keep = np.exp(-1.0 / STEP_HZ / NOISE_TIME_CONSTANT_S)
    noise = random.normal(size=JOINTS + 2)
    vectors = []
    for pose, rate in zip(motion.poses, motion.yaw_rate_rad_s, strict=True):
        roll, pitch, _ = roll_pitch_yaw_from_quat(pose.quat_world_from_pelvis_wxyz)
        root = np.array([roll, pitch, rate])
        root[:2] += 0.5 * noise_rad * noise[JOINTS:]
        vectors.append(pack(pose.joint_position_rad + noise_rad * noise[:JOINTS], np.ones(2), root))
        noise = keep * noise + np.sqrt(1.0 - keep**2) * random.normal(size=JOINTS + 2)
    return np.array(vectors)


def _motion(poses: Sequence[Configuration], targets: Sequence[BodyTargets]) -> Motion:
    yaws = np.unwrap([roll_pitch_yaw_from_quat(pose.quat_world_from_pelvis_wxyz)[2] for pose in poses])
    return Motion(tuple(poses), np.gradient(yaws) * STEP_HZ, tuple(targets))


def _values(key: Key) -> FloatArray:
    """[6] pelvis height (m), roll, pitch and yaw (rad), x and y of the centre of mass (m), to be interpolated."""
    return np.array([key.pelvis_height_m, *key.roll_pitch_yaw_rad, *key.com_position_m])


def _double_support(values: FloatArray, hands_m: tuple[FloatArray | None, FloatArray | None]) -> BodyTargets:
    """Targets with both soles in the standard stance; `values` as in `_values`."""
    left, right = (
        PoseTarget(position_in_world_m=np.array([x, y, 0.0]), quat_world_from_frame_wxyz=quat_from_yaw(yaw))
        for x, y, yaw in STANCE
    )
    grips = [None if hand is None else PoseTarget(position_in_world_m=hand) for hand in hands_m]
    return BodyTargets(
        soles=(left, right),
        grips=(grips[0], grips[1]),
        pelvis_height_m=float(values[0]),
        quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(values[1:4]),
        com_position_in_world_m=values[4:6],
    )
