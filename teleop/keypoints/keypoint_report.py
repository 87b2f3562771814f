"""How well the robot follows the operator's keypoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pinocchio as pin

from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.teleop.keypoints.rigid import cross
from hlm.teleop.keypoints.robot_targets import RobotTargets


class FrameErrors(NamedTuple):
    """Errors of one frame; of two sides, the larger.

    Attributes:
        hand_m: position of the grips.
        hand_rad: orientation of the grips; of their direction alone where no more is known.
        foot_m: position of the soles.
        foot_rad: orientation of the soles.
        pelvis_m: position of the pelvis.
        pelvis_rad: orientation of the pelvis.
    """

    hand_m: float
    hand_rad: float
    foot_m: float
    foot_rad: float
    pelvis_m: float
    pelvis_rad: float


@dataclass(frozen=True, kw_only=True, slots=True)
class KeypointReport:
    """What came of some frames.

    Attributes:
        frames: number of frames.
        median: errors that half of the frames stay below.
        p99: errors that 99 of 100 frames stay below.
        self_distance_m: smallest distance between parts of the robot that should keep one.
        at_limit_share: share of the frames in which a joint is at its limit, less the margin.
        at_speed_share: share of the frames in which a joint moves at its speed limit.
        standing_share: share of the frames in which the operator stands.
        unseen: parts that the last frame did not have, in words; they are held.
        trouble: why the robot should not follow the last frame; empty when it may.
    """

    frames: int
    median: FrameErrors
    p99: FrameErrors
    self_distance_m: float
    at_limit_share: float
    at_speed_share: float
    standing_share: float
    unseen: tuple[str, ...]
    trouble: str


def errors_of(model: BodyModel, data: pin.Data, targets: RobotTargets, configuration: Configuration) -> FrameErrors:
    """The errors of a configuration.

    Args:
        model: the robot.
        data: workspace of Pinocchio.
        targets: where the parts should be.
        configuration: where they are.
    """
    pin.framesForwardKinematics(model.pin_model, data, configuration.vector)
    soles, grips = ([data.oMf[frame] for frame in pair] for pair in (model.sole_frames, model.grip_frames))
    pelvis = data.oMi[1]
    hand_rad = [
        _angle_rad(pose.rotation, wanted) if turns else _between_axes_rad(pose.rotation[:, 0], wanted[:, 0])
        for pose, wanted, turns in zip(grips, targets.grips, targets.grip_turns, strict=True)
    ]
    return FrameErrors(
        max(_distance_m(pose.translation, wanted) for pose, wanted in zip(grips, targets.grips_m, strict=True)),
        max(hand_rad),
        max(_distance_m(pose.translation, wanted) for pose, wanted in zip(soles, targets.soles_m, strict=True)),
        max(_angle_rad(pose.rotation, wanted) for pose, wanted in zip(soles, targets.soles, strict=True)),
        _distance_m(pelvis.translation, targets.pelvis_m),
        _angle_rad(pelvis.rotation, targets.pelvis),
    )


def _distance_m(one_m: FloatArray, other_m: FloatArray) -> float:
    return float(np.linalg.norm(one_m - other_m))


def _angle_rad(one: FloatArray, other: FloatArray) -> float:
    return float(np.linalg.norm(pin.log3(one.T @ other)))


def _between_axes_rad(one: FloatArray, other: FloatArray) -> float:
    return float(np.arctan2(np.linalg.norm(cross(one, other)), one @ other))
