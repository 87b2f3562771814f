"""Group b: whole-body references that nobody scripted, minimum jerk between poses that are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from tracker_parts.clearance import cleared
from tracker_parts.streams import STREAM_S, STREAM_STEPS, Stream, from_trajectory, trajectory_of
from tracker_parts.trajectory import JOINTS_AT, fitted, on_the_floor

from hlm.control.interpolation import minimum_jerk
from hlm.control.model import BodyModel
from hlm.control.walking_pattern import GaitConfig, footsteps_along
from hlm.core.arrays import FloatArray
from hlm.core.clock import STEP_HZ
from hlm.core.layout import JOINTS, MOTOR_ARMS, MOTOR_ORDER, MOTOR_WAIST
from hlm.sim.motions import STANCE, UPRIGHT_M, Key, through_keys, walk

# The peak speed of minimum jerk over its mean speed.
_PEAK = 1.875
# Peak speeds of people at work: hands (Flash and Hogan 1985 have reaches up to 1.5 m/s), pelvis in a quick squat.
_HAND_M_S, _PELVIS_M_S, _TILT_RAD_S = (0.5, 1.5), (0.3, 0.8), (0.5, 1.5)
# Angles that an arm takes without touching the trunk, rad, of the left arm; the right one is its mirror image.
_ARM_LOW = np.array([-2.2, 0.1, -0.8, -0.4, -1.0, -0.8, -0.8])
_ARM_HIGH = np.array([0.5, 1.2, 0.8, 1.4, 1.0, 0.8, 0.8])
_WAIST_RAD = np.array([1.0, 0.3, 0.45])


@dataclass(frozen=True, kw_only=True)
class RandomReach:
    """Squats, leans and reaches in double support, as inverse kinematics solves them.

    Attributes:
        balanced: whether the centre of mass stays over the feet; else it is drawn beyond them too.
    """

    balanced: bool

    @property
    def name(self) -> str:
        """What it makes."""
        return "reach" if self.balanced else "unbalanced reach"

    def make(self, model: BodyModel, random: np.random.Generator) -> Stream:
        """Keys until the stream is full."""
        keys, before, total_s = [Key(duration_s=0.5)], _values(Key(duration_s=0.5)), 0.5
        while total_s < STREAM_S:
            key = self._key(random, before)
            keys.append(key)
            total_s += key.duration_s
            before = _values(key)
        return from_trajectory(cleared(model, fitted(trajectory_of(through_keys(model, keys)), STREAM_STEPS)))

    def _key(self, random: np.random.Generator, before: FloatArray) -> Key:
        height_m = random.uniform(0.45, UPRIGHT_M)
        tilt = random.uniform([-0.15, -0.1, -0.4], [0.15, 0.6, 0.4])
        com_m = random.uniform(-1.0, 1.0, 2) * (np.array([0.04, 0.06]) if self.balanced else np.array([0.12, 0.17]))
        hands = []
        for sign in (1.0, -1.0):
            x, y, z = random.uniform([0.1, 0.05, 0.25], [0.45, 0.45, 1.3])
            hands.append((float(x), float(sign * y), float(min(z, height_m + 0.6))))
        key = Key(
            duration_s=1.0,
            pelvis_height_m=height_m,
            roll_pitch_yaw_rad=(float(tilt[0]), float(tilt[1]), float(tilt[2])),
            com_position_m=(float(com_m[0]), float(com_m[1])),
            left_hand_m=hands[0],
            right_hand_m=hands[1],
        )
        moved = np.abs(_values(key) - before)
        speeds = random.uniform(*np.array([_PELVIS_M_S, _TILT_RAD_S, _HAND_M_S]).T)
        least_s = _PEAK * max(moved[0] / speeds[0], moved[1:4].max() / speeds[1], moved[4:].max() / speeds[2])
        pause_s = random.choice([0.0, 0.0, 0.5])
        return Key(
            duration_s=max(0.3, float(least_s)) + float(pause_s),
            pelvis_height_m=key.pelvis_height_m,
            roll_pitch_yaw_rad=key.roll_pitch_yaw_rad,
            com_position_m=key.com_position_m,
            left_hand_m=key.left_hand_m,
            right_hand_m=key.right_hand_m,
        )


@dataclass(frozen=True, kw_only=True)
class FastArms:
    """Arms and waist thrown from pose to pose, joint by joint, over legs that stand or squat."""

    name: ClassVar[str] = "fast arms"

    def make(self, model: BodyModel, random: np.random.Generator) -> Stream:
        """Legs at a height that is drawn, arms and waist at speeds that are drawn."""
        height_m = float(random.uniform(0.5, UPRIGHT_M))
        keys = [
            Key(duration_s=0.5),
            Key(duration_s=1.5, pelvis_height_m=height_m),
            Key(duration_s=8.0, pelvis_height_m=height_m),
        ]
        trajectory = fitted(trajectory_of(through_keys(model, keys)), STREAM_STEPS)
        return from_trajectory(
            on_the_floor(model, cleared(model, with_arms(trajectory, random, (2.0, 6.0), waist=True)))
        )


@dataclass(frozen=True, kw_only=True)
class RandomWalk:
    """Walking in directions that are drawn, while the arms move."""

    name: ClassVar[str] = "walk and arms"

    def make(self, model: BodyModel, random: np.random.Generator) -> Stream:
        """Three directions of 1.5 to 2.5 s."""
        legs = [
            (*map(float, random.uniform([-0.25, -0.1, -0.4], [0.35, 0.1, 0.4])), float(random.uniform(1.5, 2.5)))
            for _ in range(3)
        ]
        gait = GaitConfig()
        velocities = tuple((forward, sideways, turn, time_s) for forward, sideways, turn, time_s in legs)
        trajectory = trajectory_of(walk(model, footsteps_along(velocities, STANCE, gait), gait))
        return from_trajectory(
            cleared(model, fitted(with_arms(trajectory, random, (1.0, 3.0), waist=False), STREAM_STEPS))
        )


def with_arms(
    trajectory: FloatArray, random: np.random.Generator, speed_rad_s: tuple[float, float], *, waist: bool
) -> FloatArray:
    """The trajectory with its arms, and waist if asked, going from pose to pose that are drawn.

    Args:
        trajectory: [time, 36].
        random: draws poses and speeds.
        speed_rad_s: lowest and highest peak speed of the fastest joint.
        waist: whether the waist moves too.
    """
    out = trajectory.copy()
    joints = out[:, JOINTS_AT]  # a view
    moving = list(range(JOINTS))[MOTOR_ARMS] + (list(range(JOINTS))[MOTOR_WAIST] if waist else [])
    step, pose = 0, joints[0, moving].copy()
    while step < len(out):
        goal = _arms(random) if not waist else np.concatenate([_arms(random), random.uniform(-1, 1, 3) * _WAIST_RAD])
        peak = random.uniform(*speed_rad_s)
        steps = max(3, round(_PEAK * float(np.abs(goal - pose).max()) / peak * STEP_HZ))
        count = min(steps, len(out) - step)
        travelled = minimum_jerk(np.arange(1, count + 1) / steps)[:, None]
        joints[step : step + count, moving] = pose + travelled * (goal - pose)
        step, pose = step + count, goal
    return out


def _arms(random: np.random.Generator) -> FloatArray:
    """[14] angles of both arms."""
    left, right = random.uniform(_ARM_LOW, _ARM_HIGH), random.uniform(_ARM_LOW, _ARM_HIGH)
    return np.concatenate([left, _RIGHT_SIGN * right])


def _values(key: Key) -> FloatArray:
    """[10] height, tilt and hands of a key; hands that are free are where they hang."""
    left, right = key.left_hand_m or (0.2, 0.2, 0.75), key.right_hand_m or (0.2, -0.2, 0.75)
    return np.array([key.pelvis_height_m, *key.roll_pitch_yaw_rad, *left, *right])


_RIGHT_SIGN = np.array([-1.0 if name.endswith(("roll", "yaw")) else 1.0 for name in MOTOR_ORDER[MOTOR_ARMS][7:]])
