"""The operator's size and upright pose, measured while they stand still, or over a recorded motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from hlm.control.model import BodyModel
from hlm.core.arrays import BoolArray, FloatArray, frozen
from hlm.core.embodiment import Embodiment
from hlm.core.errors import InputError
from hlm.core.rotations import matrix_from_quat
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS, BodyKeypoints
from hlm.teleop.keypoints.named_points import (
    CHEST,
    LEFT,
    PELVIS,
    RIGHT,
    SIDED,
    SIDES,
    index,
    pelvis_from_points,
    torso_from_points,
)
from hlm.teleop.keypoints.rigid import about_z, yaw_of
from hlm.teleop.keypoints.robot_limbs import RobotLimbs

STANDING_S = 2.0
_SHORTEST_S, _FEWEST_FRAMES = 0.95 * STANDING_S, 10
_NEEDED = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
_KNOWN_SHARE = 0.8
# Of a person who stands still, trackers move a few millimetres and breathing moves the chest by less than a centimetre.
_STILL_M = 0.04
_STRAIGHT_LEG_SHARE, _STRAIGHT_LEG_SHARE_IN_MOTION = 0.9, 0.8
_HIGH_HIPS_SHARE = 0.97
_UPRIGHT_RAD = 0.5
_LEG_M = (0.4, 1.4)
_HIGHEST_ANKLE_M = 0.3
# Drillis and Contini's body segment lengths (Winter, Biomechanics and Motor Control of Human Movement, figure 4.1):
# shares of the body's height of the hip's height less the ankle's, and of the hand from wrist to palm.
_LEG_OF_HEIGHT, _PALM_OF_HEIGHT = 0.530 - 0.039, 0.054
# People stand with straight knees and elbows, where inverse kinematics is singular.
_BEND_SHARE = 0.97


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Calibration:
    """What retargeting must know of an operator, and of the robot that follows them.

    Attributes:
        height_m: the operator's height, estimated from the legs.
        leg_m: from hip to ankle along the bones, both sides' mean; the lengths below likewise.
        upper_arm_m: from shoulder to elbow.
        forearm_m: from elbow to wrist.
        hand_m: from wrist to palm.
        hip_half_width_m: half the distance between the hips.
        ankle_rest_m: [side] height of each ankle while the foot is flat on the floor.
        toe_drop_rad: [side] how far the line from ankle to toe points below the horizon then; nan without toes.
        trunk_from_points: [2, 3, 3] orientation that the points of pelvis and torso seem to have while upright.
        trunk_from_quats: [2, 3, 3] the same of their quaternions; not numbers without quaternions.
        feet_from_quats: [side, 3, 3] the same of the feet; not numbers without quaternions.
        limbs: the robot's.
    """

    height_m: float
    leg_m: float
    upper_arm_m: float
    forearm_m: float
    hand_m: float
    hip_half_width_m: float
    ankle_rest_m: FloatArray
    toe_drop_rad: FloatArray
    trunk_from_points: FloatArray
    trunk_from_quats: FloatArray
    feet_from_quats: FloatArray
    limbs: RobotLimbs

    def __post_init__(self) -> None:
        """Check shapes and make the arrays read-only copies."""
        for name, shape in (
            ("ankle_rest_m", (2,)),
            ("toe_drop_rad", (2,)),
            ("trunk_from_points", (2, 3, 3)),
            ("trunk_from_quats", (2, 3, 3)),
            ("feet_from_quats", (2, 3, 3)),
        ):
            object.__setattr__(self, name, frozen(getattr(self, name), shape, name))

    @property
    def leg_scale(self) -> float:
        """Length of the robot's world in that of the operator: the legs', a little bent."""
        return _BEND_SHARE * self.limbs.leg_m / self.leg_m

    @property
    def arm_scale(self) -> float:
        """The same of the arms."""
        robot_m = self.limbs.upper_arm_m + self.limbs.forearm_m + self.limbs.hand_m
        return _BEND_SHARE * robot_m / (self.upper_arm_m + self.forearm_m + self.hand_m)

    @staticmethod
    def from_standing(frames: Sequence[BodyKeypoints], embodiment: Embodiment) -> Calibration:
        """Measure an operator who stands still for two seconds, upright, feet flat; arms as they like.

        Args:
            frames: at least `STANDING_S` of them.
            embodiment: the robot that will follow.

        Raises:
            InputError: too short, a keypoint is missing or moves, or the operator does not stand upright on a floor
                of height 0; the text says which and what to do.
        """
        _must_last(frames)
        points_m, quats = _stacked(frames)
        _must_be_known(points_m)
        _must_be_still(points_m)
        standing = np.ones(len(frames), dtype=bool)
        return _measured(points_m, quats, standing, _STRAIGHT_LEG_SHARE, embodiment)

    @staticmethod
    def from_motion(frames: Sequence[BodyKeypoints], embodiment: Embodiment) -> Calibration:
        """Measure the person of a recorded motion, who stands upright somewhere in it, walking or not.

        Args:
            frames: the motion.
            embodiment: the robot that will follow.

        Raises:
            InputError: a keypoint is missing, or the person never stands upright.
        """
        if not frames:
            raise InputError("a motion without frames cannot be calibrated.")
        points_m, quats = _stacked(frames)
        _must_be_known(points_m)
        hips_m = 0.5 * (points_m[:, LEFT["hip"], 2] + points_m[:, RIGHT["hip"], 2])
        highest_m = float(np.nanquantile(hips_m, 0.95))
        standing = hips_m >= _HIGH_HIPS_SHARE * highest_m
        return _measured(points_m, quats, standing, _STRAIGHT_LEG_SHARE_IN_MOTION, embodiment)


def _must_last(frames: Sequence[BodyKeypoints]) -> None:
    lasted_s = 1e-9 * (frames[-1].stamp_ns - frames[0].stamp_ns) if frames else 0.0
    if lasted_s < _SHORTEST_S or len(frames) < _FEWEST_FRAMES:
        raise InputError(
            f"calibration needs {STANDING_S:g} s of standing still, got {lasted_s:.1f} s in {len(frames)} frames: "
            "stand still a little longer."
        )


def _stacked(frames: Sequence[BodyKeypoints]) -> tuple[FloatArray, FloatArray]:
    """[time, keypoint, 3] positions and [time, keypoint, 4] quaternions."""
    positions = np.array([frame.position_in_world_m for frame in frames])
    return positions, np.array([frame.quat_world_from_keypoint_wxyz for frame in frames])


def _must_be_known(points_m: FloatArray) -> None:
    share = np.isfinite(points_m).all(axis=2).mean(axis=0)
    needed = [f"{side}_{part}" for part in _NEEDED for side in SIDES]
    missing = [name for name in needed if share[index(name)] < _KNOWN_SHARE]
    if missing:
        raise InputError(
            f"calibration needs every limb in sight; missing in too many of {len(points_m)} frames: "
            f"{', '.join(missing)}."
        )


def _must_be_still(points_m: FloatArray) -> None:
    seen = np.isfinite(points_m).all(axis=(0, 2))
    away_m = np.linalg.norm(points_m[:, seen] - np.nanmedian(points_m[:, seen], axis=0), axis=2)
    moved_m = np.quantile(away_m, 0.95, axis=0)
    worst = int(np.argmax(moved_m))
    if moved_m[worst] > _STILL_M:
        name = KEYPOINTS[int(np.flatnonzero(seen)[worst])]
        raise InputError(
            f"calibration needs a person who stands still, but {name} moves by {100.0 * moved_m[worst]:.0f} cm "
            f"(at most {100.0 * _STILL_M:.0f} cm): stand still and try again."
        )


def _measured(
    points_m: FloatArray, quats: FloatArray, standing: BoolArray, straight_share: float, embodiment: Embodiment
) -> Calibration:
    lengths_m = {name: _length_m(points_m, *name) for name in (("hip", "knee"), ("knee", "ankle"))}
    leg_m = sum(lengths_m.values())
    upright_m = points_m[standing]
    ankle_rest_m = np.array([np.nanquantile(points_m[:, side["ankle"], 2], 0.1) for side in SIDED])
    _must_stand_on_floor(ankle_rest_m)
    _must_have_straight_legs(upright_m, leg_m, straight_share)
    trunk = np.array(
        [_mean_tilt(np.array([of(one) for one in upright_m])) for of in (pelvis_from_points, torso_from_points)]
    )
    _must_be_upright(trunk)
    height_m = leg_m / _LEG_OF_HEIGHT
    palm_m = _length_m(points_m, "wrist", "hand")
    hips_m = points_m[:, LEFT["hip"]] - points_m[:, RIGHT["hip"]]
    return Calibration(
        height_m=height_m,
        leg_m=leg_m,
        upper_arm_m=_length_m(points_m, "shoulder", "elbow"),
        forearm_m=_length_m(points_m, "elbow", "wrist"),
        hand_m=palm_m if np.isfinite(palm_m) else _PALM_OF_HEIGHT * height_m,
        hip_half_width_m=0.5 * float(np.nanmedian(np.linalg.norm(hips_m, axis=1))),
        ankle_rest_m=ankle_rest_m,
        toe_drop_rad=np.array([_toe_drop_rad(points_m, side) for side in SIDED]),
        trunk_from_points=trunk,
        trunk_from_quats=_tilts(quats[standing], (PELVIS, CHEST)),
        feet_from_quats=_tilts(quats[standing], (LEFT["ankle"], RIGHT["ankle"])),
        limbs=RobotLimbs.of(BodyModel(embodiment)),
    )


def _length_m(points_m: FloatArray, start: str, end: str) -> float:
    """Length of a limb, the median over time and the mean over both sides, of the sides that are known."""
    sides_m = [np.linalg.norm(points_m[:, side[end]] - points_m[:, side[start]], axis=1) for side in SIDED]
    medians_m = [float(np.nanmedian(side_m)) for side_m in sides_m if np.isfinite(side_m).any()]
    return float(np.mean(medians_m)) if medians_m else float("nan")


def _must_stand_on_floor(ankle_rest_m: FloatArray) -> None:
    lowest_m = float(ankle_rest_m.min())
    if not -0.05 <= lowest_m <= _HIGHEST_ANKLE_M:
        raise InputError(
            f"the floor must have height 0, but the ankles are at {lowest_m:.2f} m when the feet stand: set the "
            "device's floor and try again."
        )


def _must_have_straight_legs(points_m: FloatArray, leg_m: float, share: float) -> None:
    if not _LEG_M[0] <= leg_m <= _LEG_M[1]:
        raise InputError(
            f"legs of {leg_m:g} m are no person's ({_LEG_M[0]:g} to {_LEG_M[1]:g} m): keypoints must be in metres."
        )
    ankles_m, hips_m = (
        float(np.nanmedian([points_m[:, side[part], 2] for side in SIDED])) for part in ("ankle", "hip")
    )
    if hips_m - ankles_m < share * leg_m:
        raise InputError(
            f"calibration needs a person who stands with straight legs, but the hips are {hips_m - ankles_m:.2f} m "
            f"above the ankles and the legs {leg_m:.2f} m long: stand upright and try again."
        )


def _mean_tilt(rotations: FloatArray) -> FloatArray:
    """[3, 3] mean of [time, 3, 3] rotations without their headings; not numbers where none is known."""
    seen = rotations[np.isfinite(rotations).all(axis=(1, 2))]
    if not len(seen):
        return np.full((3, 3), np.nan)
    mean: FloatArray = Rotation.from_matrix([about_z(-yaw_of(one)) @ one for one in seen]).mean().as_matrix()
    return mean


def _must_be_upright(trunk: FloatArray) -> None:
    for name, rotation in zip(("pelvis", "torso"), trunk, strict=True):
        tilt_rad = float(np.arccos(np.clip(rotation[2, 2], -1.0, 1.0)))
        if tilt_rad > _UPRIGHT_RAD:
            raise InputError(
                f"calibration needs a person who stands upright, but the {name} leans by "
                f"{np.degrees(tilt_rad):.0f} degrees: stand upright and try again."
            )


def _toe_drop_rad(points_m: FloatArray, side: dict[str, int]) -> float:
    """Median over the frames in which the ankle is low."""
    ankle_m, toe_m = points_m[:, side["ankle"]], points_m[:, side["toe"]]
    along_m = toe_m - ankle_m
    low = ankle_m[:, 2] <= np.nanquantile(ankle_m[:, 2], 0.3)
    drop_rad = np.arctan2(-along_m[:, 2], np.hypot(along_m[:, 0], along_m[:, 1]))[low]
    return float(np.nanmedian(drop_rad)) if np.isfinite(drop_rad).any() else float("nan")


def _tilts(quats: FloatArray, parts: tuple[int, int]) -> FloatArray:
    """[2, 3, 3] mean rotations of two keypoints without their headings, from [time, keypoint, 4] quaternions."""
    seen = [quats[:, one][np.isfinite(quats[:, one]).all(axis=1)] for one in parts]
    return np.array([_mean_tilt(matrix_from_quat(one).reshape(-1, 3, 3)) for one in seen])
