"""Steps from the robot's stance to a person's: feet that stand cannot be blended, they have to be put elsewhere."""

from __future__ import annotations

import numpy as np

from hlm.control.inverse_kinematics import BodyTargets, PoseTarget
from hlm.control.model import LEFT, RIGHT, BodyModel, Configuration
from hlm.control.operator import OperatorPose
from hlm.control.walking_pattern import Footstep, GaitConfig, WalkingPattern, middle
from hlm.core.arrays import FloatArray
from hlm.core.rotations import (
    planar_from_pose,
    pose_from_planar,
    quat_from_roll_pitch_yaw,
    quat_from_yaw,
    roll_pitch_yaw_from_quat,
    wrap_angle,
)

# A foot that is nearer to where it should be stays: the tracker takes it as it stands.
NEAR_M, NEAR_RAD = 0.03, 0.15
_GAIT = GaitConfig(single_support_s=0.8, double_support_s=0.4, weight_shift_s=0.8, rest_s=0.6)
# Between the middles of the soles: nearer, a foot would step on the other one; farther, the mass could not be shifted.
_WIDTH_M = (0.16, 0.36)
_LENGTH_M, _TURN_RAD = 0.3, 1.4


class StanceApproach:
    """Puts the feet of a robot that stands into the stance of another configuration, one after the other.

    Args:
        model: the robot.
        start: where it stands, upright, on a floor of height 0.
        wanted: whose stance is taken, relative to the middle between the feet.
    """

    def __init__(self, model: BodyModel, start: Configuration, wanted: Configuration) -> None:
        self._start = start
        soles = _soles(model, start)
        goals = reachable_stance(_soles(model, wanted), middle(soles))
        far = [foot for foot in (LEFT, RIGHT) if not _near(soles[foot], goals[foot])]
        far.sort(key=lambda foot: -float(np.linalg.norm(soles[foot, :2] - goals[foot, :2])))
        self._pattern = WalkingPattern([Footstep(foot=foot, sole=goals[foot]) for foot in far], soles, _GAIT)

    @property
    def duration_s(self) -> float:
        """Time until both feet stand where they should; 0 when they do."""
        return self._pattern.duration_s

    def at(self, time_s: float) -> OperatorPose:
        """The body on its way, with arms and lean as they were."""
        walking, start = self._pattern.at(time_s), self._start
        soles = [
            PoseTarget(position_in_world_m=position_m, quat_world_from_frame_wxyz=quat_from_yaw(float(yaw_rad)))
            for position_m, yaw_rad in zip(walking.sole_position_m, walking.sole_yaw_rad, strict=True)
        ]
        roll, pitch, _ = roll_pitch_yaw_from_quat(start.quat_world_from_pelvis_wxyz)
        ends = np.column_stack([walking.sole_position_m[:, :2], walking.sole_yaw_rad])
        targets = BodyTargets(
            soles=(soles[LEFT], soles[RIGHT]),
            pelvis_height_m=float(start.position_pelvis_in_world_m[2]),
            quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(np.array([roll, pitch, middle(ends)[2]])),
            com_position_in_world_m=walking.com_position_m,
            joint_position_rad=start.joint_position_rad,
        )
        return OperatorPose(targets, np.ones(2))


def reachable_stance(soles: FloatArray, center: FloatArray) -> FloatArray:
    """[foot, 3] x, y (m) and yaw (rad) of a stance around another middle, as wide, long and turned as a robot may.

    Args:
        soles: [foot, 3] of the stance that is wanted.
        center: [3] middle that it is put around.
    """
    into = np.linalg.inv(pose_from_planar(middle(soles)))
    left = planar_from_pose(into @ pose_from_planar(soles[LEFT]))
    half = np.array(
        [
            np.clip(left[0], -0.5 * _LENGTH_M, 0.5 * _LENGTH_M),
            np.clip(left[1], 0.5 * _WIDTH_M[0], 0.5 * _WIDTH_M[1]),
            np.clip(float(wrap_angle(left[2])), -0.5 * _TURN_RAD, 0.5 * _TURN_RAD),
        ]
    )
    around = pose_from_planar(center)
    return np.array([planar_from_pose(around @ pose_from_planar(side * half)) for side in (1.0, -1.0)])


def _soles(model: BodyModel, configuration: Configuration) -> FloatArray:
    """[foot, 3] x, y (m) and yaw (rad) of the soles."""
    poses = [model.pose_world_from(f"{side}_sole", configuration) for side in ("left", "right")]
    return np.array([planar_from_pose(pose) for pose in poses])


def _near(sole: FloatArray, goal: FloatArray) -> bool:
    apart_m = float(np.linalg.norm(sole[:2] - goal[:2]))
    return apart_m < NEAR_M and abs(float(wrap_angle(sole[2] - goal[2]))) < NEAR_RAD
