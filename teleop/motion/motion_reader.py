"""Reads any file of motion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hlm.core.errors import HlmError, InputError, MissingFileError
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS
from hlm.teleop.motion.bvh_file import read_bvh
from hlm.teleop.motion.bvh_keypoints import bvh_keypoints
from hlm.teleop.motion.joint_array import read_joint_array
from hlm.teleop.motion.joint_layouts import array_keypoints
from hlm.teleop.motion.motion import Motion, MotionFacts
from hlm.teleop.motion.orientation import orientations
from hlm.teleop.motion.raw_motion import RawMotion
from hlm.teleop.motion.world import (
    AXES,
    LEG_PER_STATURE,
    Unit,
    floor_height_m,
    heading_rotation,
    leg_length,
    must_not_be_mirrored,
    unit_of,
    up_axis_of,
)

ENDINGS = (".bvh", ".npz", ".npy")


@dataclass(frozen=True, kw_only=True, slots=True)
class MotionOptions:
    """What a person says about a file; what is None is found.

    Attributes:
        joints: names of joints by keypoint, such as `{"left_hand": "LeftWrist"}`.
        unit_m: length of the file's unit.
        up: the upward axis, a key of `AXES`.
        fps: frames per second, instead of what the file says.
    """

    joints: Mapping[str, str] = field(default_factory=dict)
    unit_m: float | None = None
    up: str | None = None
    fps: float | None = None

    def __post_init__(self) -> None:
        """Check the figures.

        Raises:
            InputError: one cannot be used.
        """
        for name, value in (("--unit-m", self.unit_m), ("--fps", self.fps)):
            if value is not None and not 0.0 < value < np.inf:
                raise InputError(f"{name} must be above 0, got {value}.")
        if self.up is not None and self.up not in AXES:
            raise InputError(f"--up must be one of {', '.join(AXES)}, got '{self.up}'.")


def read_motion(path: Path, options: MotionOptions | None = None) -> Motion:
    """Read a file of motion and put it into our world.

    Args:
        path: .bvh, .npz or .npy.
        options: what is known about it.

    Raises:
        HlmError: it is no such file, a damaged one, or nobody's motion; the text begins with the path.
    """
    options = options or MotionOptions()
    if not path.is_file():
        raise MissingFileError(f"there is no file {path}.")
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{path}: a motion is a file that ends in {', '.join(ENDINGS)}.")
    try:
        return in_world(_raw(path, options), path.name, options)
    except HlmError as error:
        if str(path) in str(error):
            raise
        raise InputError(f"{path}: {error}") from error


def in_world(raw: RawMotion, name: str, options: MotionOptions) -> Motion:
    """A motion in our world: z up, floor at 0, at first above the origin and looking along x.

    Raises:
        InputError: unit or upward axis could not be found, or the body is mirrored.
    """
    unit = unit_of(raw) if options.unit_m is None else Unit("as given", options.unit_m)
    up = options.up or up_axis_of(raw)
    world_from_file = heading_rotation(raw.position[0], np.array(AXES[up]))
    if not np.allclose(world_from_file @ world_from_file.T, np.eye(3)):
        raise InputError("its first frame has no heading: hips and shoulders lie along the upward axis. Cut it off.")
    position_m = unit.length_m * raw.position @ world_from_file.T
    must_not_be_mirrored(position_m)
    position_m[..., :2] -= position_m[0, KEYPOINTS.index("pelvis"), :2]
    position_m[..., 2] -= floor_height_m(position_m)
    turned = orientations(raw, position_m, world_from_file)
    facts = MotionFacts(
        file=name,
        unit=unit.name,
        unit_m=unit.length_m,
        up=up,
        orientations=turned.reference,
        stature_m=leg_length(position_m) / LEG_PER_STATURE,
        joints=dict(raw.joints),
        notes=raw.notes,
    )
    return Motion(
        frame_time_s=raw.frame_time_s,
        position_in_world_m=position_m,
        quat_world_from_keypoint_wxyz=turned.quat_world_from_keypoint_wxyz,
        facts=facts,
    )


def _raw(path: Path, options: MotionOptions) -> RawMotion:
    frame_time_s = None if options.fps is None else 1.0 / options.fps
    if path.suffix.lower() == ".bvh":
        return bvh_keypoints(read_bvh(path), options.joints, frame_time_s)
    return array_keypoints(read_joint_array(path), options.joints, frame_time_s)
