"""Where the parts of the robot should be at an instant, and the follower that makes it from keypoints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import BoolArray, FloatArray
from hlm.teleop.keypoints.body_keypoints import BodyKeypoints
from hlm.teleop.keypoints.calibration import Calibration
from hlm.teleop.keypoints.held_part import HeldPart
from hlm.teleop.keypoints.limb_poses import PartPose, limb_poses
from hlm.teleop.keypoints.named_points import SIDES
from hlm.teleop.keypoints.rigid import about_z, uprighted, yaw_of
from hlm.teleop.keypoints.stance import trouble_of_stance
from hlm.teleop.keypoints.standing_foot import StandingFoot

# A pelvis that is tilted by more is about to fall, says the safety of bodies (1.05 rad), and overshoots a little.
MAX_TILT_RAD = 0.8
NOMINAL_S = 0.1
"""Frames that are further apart than this are taken for a loss of frames."""
_PARTS = ("pelvis", "torso", *(f"{side} {part}" for part in ("arm", "foot") for side in SIDES))


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RobotTargets:
    """Targets of the robot's parts in the world of the operator's floor.

    Attributes:
        pelvis_m: [3].
        pelvis: [3, 3] orientation.
        torso: [3, 3] orientation.
        soles_m: [side, 3].
        soles: [side, 3, 3] orientations.
        grips_m: [side, 3].
        grips: [side, 3, 3] orientations.
        grip_turns: [side] whether the turn of each grip about its fingers' direction is known.
        elbows_m: [side, 3]; not numbers where unknown.
        stands: [side] whether each foot stands.
        unseen: parts whose keypoints are unknown, in words.
        trouble: why the robot should not follow: the operator does not stand; empty when they do.
    """

    pelvis_m: FloatArray
    pelvis: FloatArray
    torso: FloatArray
    soles_m: FloatArray
    soles: FloatArray
    grips_m: FloatArray
    grips: FloatArray
    grip_turns: BoolArray
    elbows_m: FloatArray
    stands: BoolArray
    unseen: tuple[str, ...]
    trouble: str


class TargetFollower:
    """Makes targets from keypoints, frame by frame; remembers what is held and which feet stand.

    Args:
        model: the robot.
        calibration: of the operator, for this robot.
    """

    def __init__(self, model: BodyModel, calibration: Calibration) -> None:
        self._calibration = calibration
        self._corners_m = model.sole_corners_m
        self._arm_postures = _arm_postures(model)
        self._standing_m = model.embodiment.standing_height_m
        self.reset()

    def reset(self) -> None:
        """Forget what was seen."""
        self._held = {part: HeldPart() for part in _PARTS}
        self._feet = tuple(StandingFoot(self._corners_m) for _ in SIDES)
        self._soles: list[PartPose] = []

    def targets(self, keypoints: BodyKeypoints, dt_s: float) -> RobotTargets:
        """The targets of this frame.

        Args:
            keypoints: of the operator.
            dt_s: time since the last frame, > 0.
        """
        seen = limb_poses(keypoints, self._calibration)
        lost_s = max(0.0, dt_s - NOMINAL_S)

        def held(part: str, now: PartPose | None, posture: PartPose) -> PartPose:
            return self._held[part].update(now, posture, dt_s, lost_s)

        pelvis = held("pelvis", seen.pelvis, self._pelvis_posture())
        torso = held("torso", seen.torso, PartPose(np.zeros((0, 3)), np.eye(3)))
        raw_feet = [
            held(f"{side} foot", foot, self._foot_posture(number, pelvis))
            for number, (side, foot) in enumerate(zip(SIDES, seen.feet, strict=True))
        ]
        self._soles = [foot.update(raw, dt_s) for foot, raw in zip(self._feet, raw_feet, strict=True)]
        arms = [
            held(f"{side} arm", arm, posture)
            for side, arm, posture in zip(SIDES, seen.arms, self._arm_postures, strict=True)
        ]
        # The pelvis goes along with feet that have stayed behind, else the robot would lean.
        behind_m = np.mean([(a.points_m - b.points_m)[0] for a, b in zip(self._soles, raw_feet, strict=True)], axis=0)
        place_m = pelvis.points_m[0] + behind_m * np.array([1.0, 1.0, 0.0])
        upright = uprighted(pelvis.rotation, MAX_TILT_RAD)
        return self._placed(place_m, upright, torso, arms, self._trouble(keypoints))

    def _placed(
        self, pelvis_m: FloatArray, pelvis: FloatArray, torso: PartPose, arms: list[PartPose], trouble: str
    ) -> RobotTargets:
        limbs = self._calibration.limbs
        turn = pelvis @ torso.rotation
        shoulders_m = pelvis_m + pelvis @ limbs.waist_in_pelvis_m + limbs.shoulder_in_torso_m @ turn.T
        hands_m, elbows_m = np.swapaxes(
            [shoulder_m + arm.points_m @ turn.T for shoulder_m, arm in zip(shoulders_m, arms, strict=True)], 0, 1
        )
        return RobotTargets(
            pelvis_m=pelvis_m,
            pelvis=pelvis,
            torso=turn,
            soles_m=np.array([sole.points_m[0] for sole in self._soles]),
            soles=np.array([sole.rotation for sole in self._soles]),
            grips_m=hands_m,
            grips=np.array([turn @ arm.rotation for arm in arms]),
            grip_turns=np.array([arm.turns for arm in arms]),
            elbows_m=elbows_m,
            stands=np.array([foot.stands for foot in self._feet]),
            unseen=tuple(part for part in _PARTS if not self._held[part].seen),
            trouble=trouble,
        )

    def _trouble(self, keypoints: BodyKeypoints) -> str:
        return trouble_of_stance(keypoints.position_in_world_m, self._calibration)

    def _pelvis_posture(self) -> PartPose:
        """Upright, midway between the feet."""
        if not self._soles:
            return PartPose(np.array([[0.0, 0.0, self._standing_m]]), np.eye(3))
        middle_m = np.mean([sole.points_m[0] for sole in self._soles], axis=0)
        ahead = np.sum([sole.rotation[:, 0] for sole in self._soles], axis=0)
        heading = about_z(float(np.arctan2(ahead[1], ahead[0])))
        return PartPose((np.array([*middle_m[:2], 0.0]) + np.array([0.0, 0.0, self._standing_m]))[None], heading)

    def _foot_posture(self, side: int, pelvis: PartPose) -> PartPose:
        """Flat on the floor, where it is; beside the pelvis if it has never been seen."""
        if self._soles:
            sole = self._soles[side]
            return PartPose(sole.points_m * np.array([1.0, 1.0, 0.0]), about_z(yaw_of(sole.rotation)))
        heading = about_z(yaw_of(pelvis.rotation))
        beside_m = self._calibration.limbs.hip_in_pelvis_m[side] - self._calibration.limbs.ankle_in_sole_m
        place_m = (pelvis.points_m[0] + heading @ beside_m) * np.array([1.0, 1.0, 0.0])
        return PartPose(place_m[None], heading)


def _arm_postures(model: BodyModel) -> list[PartPose]:
    """Grip and elbow from the shoulder, in the torso, of the robot's default pose."""
    standing = Configuration.standing(model.embodiment)
    torso = model.pose_world_from("torso", standing)[:3, :3]
    postures = []
    for side in SIDES:
        shoulder, elbow, grip = (
            model.pose_world_from(f"{side}_{name}", standing) for name in ("shoulder_roll", "elbow", "grip")
        )
        points_m = np.array([grip[:3, 3] - shoulder[:3, 3], elbow[:3, 3] - shoulder[:3, 3]])
        postures.append(PartPose(points_m @ torso, torso.T @ grip[:3, :3]))
    return postures
