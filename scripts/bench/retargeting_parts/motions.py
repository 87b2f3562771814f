"""What is retargeted: motions of hlm's own as keypoints, and people that installed packages bring."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tracker_parts.clips import Clip, find_clips, read_clip
from tracker_parts.points import POINTS

from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.clock import STEP_HZ
from hlm.core.errors import InputError
from hlm.sim.motions import find_motion
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS, BodyKeypoints
from hlm.teleop.keypoints.calibration import Calibration
from hlm.teleop.keypoints.robot_keypoints import keypoints_of

OWN = ("squat", "deep", "reach", "arms", "lean", "forward_0.2", "turn_0.4", "mix")
_STANDING_STEPS = 61
_STRAIGHT_PELVIS_M = 0.788
# Names of the recordings' points that are called otherwise here.
_RENAMED = {"spine": "chest", "neck": "head"}
# All recordings of one package are of one skeleton, so that one who never stands is measured while another stands.
_STANDS_IN = {"pybullet": "walk/pybullet"}


class Motion(NamedTuple):
    """A person's motion.

    Attributes:
        name: of the motion.
        rate_hz: frames per second.
        frames: keypoints.
        calibration: of the person.
        family: "own" or that of the clip.
    """

    name: str
    rate_hz: float
    frames: tuple[BodyKeypoints, ...]
    calibration: Calibration
    family: str


def own_motions(model: BodyModel, names: Sequence[str] = OWN) -> list[Motion]:
    """Motions of `hlm.sim.motions`, of a person with the robot's limbs; positions and orientations."""
    straight = Configuration(
        position_pelvis_in_world_m=np.array([0.0, 0.0, _STRAIGHT_PELVIS_M]),
        quat_world_from_pelvis_wxyz=np.array([1.0, 0.0, 0.0, 0.0]),
        joint_position_rad=np.zeros_like(model.embodiment.default_rad),
    )
    standing = _frames_of(model, [straight] * _STANDING_STEPS)
    calibration = Calibration.from_standing(standing, model.embodiment)
    return [
        Motion(name, STEP_HZ, tuple(_frames_of(model, find_motion(model, name).poses)), calibration, "own")
        for name in names
    ]


def recorded_motions(model: BodyModel, folders: Sequence[Path]) -> tuple[list[Motion], list[str]]:
    """People in installed packages, by positions alone, and a line for each package or clip that is left out."""
    clips, left_out = find_clips(folders)
    of_people = {clip.name: clip for clip in clips if clip.kind != "g1"}
    motions = []
    for name, clip in of_people.items():
        rate_hz, frames = _read(clip)
        try:
            calibration = Calibration.from_motion(frames, model.embodiment)
        except InputError as error:
            other = of_people.get(_STANDS_IN.get(clip.kind, ""))
            if other is None:
                left_out.append(f"{name}: {error}")
                continue
            calibration = Calibration.from_motion(_read(other)[1], model.embodiment)
        motions.append(Motion(name, rate_hz, tuple(frames), calibration, clip.family))
    return motions, left_out


def _frames_of(model: BodyModel, poses: Sequence[Configuration]) -> list[BodyKeypoints]:
    return [keypoints_of(model, pose, round(step * 1e9 / STEP_HZ)) for step, pose in enumerate(poses)]


def _read(clip: Clip) -> tuple[float, list[BodyKeypoints]]:
    recording = read_clip(clip)
    if recording.points_m is None:
        raise InputError(f"{clip.name} holds no points of a body.")
    stamps_ns = np.round(np.arange(len(recording.points_m)) * 1e9 / recording.rate_hz).astype(np.int64)
    return recording.rate_hz, [
        _keypoints(points_m, int(stamp_ns)) for points_m, stamp_ns in zip(recording.points_m, stamps_ns, strict=True)
    ]


def _keypoints(points_m: FloatArray, stamp_ns: int) -> BodyKeypoints:
    positions = np.full((len(KEYPOINTS), 3), np.nan)
    positions[[KEYPOINTS.index(_RENAMED.get(name, name)) for name in POINTS]] = points_m
    return BodyKeypoints(stamp_ns=stamp_ns, position_in_world_m=positions)
