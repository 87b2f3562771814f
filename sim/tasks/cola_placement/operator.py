"""The scripted operator of the cola placement: it sees where cans, mat, its own feet and hand really are.

It walks up to the table, looks where its feet have come to stand and steps again if that is not good enough, brings
the right hand before the can that is asked for, closes in while it watches hand and can, grasps, lifts the can high
enough to pass over the other one, puts it on the mat and takes the hand back.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hlm.control.inverse_kinematics import BodyTargets, PoseTarget
from hlm.control.model import BodyModel, Configuration
from hlm.control.operator import OperatorPose
from hlm.control.walking_pattern import GaitConfig, WalkingPose, middle
from hlm.core.arrays import FloatArray
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.rotations import quat_from_roll_pitch_yaw
from hlm.sim.operators.feet import WalkingFeet
from hlm.sim.operators.hand_strokes import HandRow, HandStrokes, Stroke
from hlm.sim.operators.pick_and_place import PickAndPlaceStrokes
from hlm.sim.operators.stance import sole_poses, true_configuration
from hlm.sim.start_pose import home_rad
from hlm.sim.tasks.cola_placement.stages import CAN_HALF_HEIGHT_M, ColaPlacement

_PELVIS_M = 0.74
_WAIST_PITCH, _RIGHT_ARM = 14, slice(22, 29)
# A hand that reaches ahead by the second distance stretches the arm; so the chest need not turn, and the head sees.
_RIGHT_ARM_AHEAD_RAD = (-0.60, -0.35, 0.0, 0.43, 0.34, -0.03, -0.02)
_AHEAD_M = (0.15, 0.40)
# Above the grasp: high enough for a can to pass over the other one.
_CARRY_M = 0.16
_MOST_WALKS = 3
_REST_S = 0.5
_PLACE_SPREAD = (0.015, 0.015, 0.025)
# Who stands this near to the intended place reaches everything.
_NEAR_M, _NEAR_RAD = 0.05, 0.10


class ColaOperator:
    """Implements `hlm.control.operator.Operator`.

    Args:
        task: the task to be done, already reset when `reset` is called.
        rng: where variation comes from.
        variation: 0 repeats the same path, 1 varies as people do.
    """

    def __init__(self, task: ColaPlacement, rng: np.random.Generator, variation: float = 1.0) -> None:
        self._task = task
        self._rng = rng
        self._variation = variation
        self._model = BodyModel(UNITREE_G1)

    def reset(self) -> Configuration:
        """Take the robot's true pose as the start of the script."""
        start = true_configuration(self._task.robot)
        self._feet = WalkingFeet(self._see_soles, self._gait())
        self._poses = self._script()
        return start

    def pose(self) -> OperatorPose | None:
        """The next row of the script."""
        return next(self._poses, None)

    def _gait(self) -> GaitConfig:
        """Steps of this episode: people walk faster and slower, with longer and shorter steps."""
        usual = GaitConfig()
        forward_m, sideways_m, turn_rad = usual.largest_step
        slower, shorter = self._variation * self._rng.uniform(0.0, 1.0, size=2)
        return GaitConfig(
            single_support_s=usual.single_support_s * (1.0 + 0.1 * slower),
            rest_s=_REST_S,
            largest_step=(forward_m * (1.0 - 0.2 * shorter), sideways_m, turn_rad),
        )

    def _see_soles(self) -> FloatArray:
        poses = sole_poses(self._model, true_configuration(self._task.robot))
        return np.column_stack([poses[:, :2, 3], np.arctan2(poses[:, 1, 0], poses[:, 0, 0])])

    def _see(self, point_m: FloatArray) -> FloatArray:
        """[3] point of the world as seen from the stand."""
        stand_from_world = self._feet.stand_from_world
        seen: FloatArray = stand_from_world[:3, :3] @ point_m + stand_from_world[:3, 3]
        return seen

    def _see_grip(self) -> FloatArray:
        return self._see(self._task.hand.pose_world_from_grip[:3, 3])

    def _script(self) -> Iterator[OperatorPose]:
        # The world's origin is where to stand, more or less.
        place = self._variation * self._rng.normal(0.0, _PLACE_SPREAD)
        for _ in range(_MOST_WALKS):
            distance_m, turn_rad = self._feet.off(place)
            if distance_m < _NEAR_M and turn_rad < _NEAR_RAD:
                break
            for feet in self._feet.walk_to(place):
                yield self._row(feet, None)
        hand = HandStrokes(self._see_grip(), self._see_grip, self._rng, self._variation)
        for row in self._work(hand):
            yield self._row(self._feet.standing(), row)

    def _work(self, hand: HandStrokes) -> Iterator[HandRow]:
        task, home_m = self._task, hand.grip_m.copy()
        work = PickAndPlaceStrokes(
            hand, lambda: self._see(task.target.position_m), lambda: self._see(task.mat_m), CAN_HALF_HEIGHT_M
        )
        yield from work.pick()
        lift_m = hand.grip_m + np.array([0.0, 0.0, _CARRY_M])
        yield from hand.move(Stroke(goal=lambda: lift_m, duration_s=0.9))
        yield from hand.move(Stroke(goal=lambda: work.at_mat(0.05, _CARRY_M), duration_s=1.1))
        yield from work.put()
        # Along the fingers: across them, one would take the can with it.
        back_m = np.array([-0.11 * np.cos(hand.yaw_rad), -0.11 * np.sin(hand.yaw_rad), 0.01])
        yield from work.leave(back_m, home_m)

    def _row(self, feet: WalkingPose, hand: HandRow | None) -> OperatorPose:
        """Where the body should be; without a hand the arms keep their home pose."""
        posture = home_rad()
        posture[_WAIST_PITCH] = 0.1
        heading_rad = float(middle(np.column_stack([feet.sole_m[:, :2], feet.sole_yaw_rad]))[2])
        grip, opening = None, 1.0
        if hand is not None:
            ahead = float(np.interp(hand.grip_m[0], _AHEAD_M, (0.0, 1.0)))
            posture[_WAIST_PITCH] += 0.1 * ahead
            posture[_RIGHT_ARM] += ahead * (np.array(_RIGHT_ARM_AHEAD_RAD) - posture[_RIGHT_ARM])
            stand = self._feet.operator_from_stand
            grip = PoseTarget(
                position_in_world_m=stand[:3, :3] @ hand.target_m + stand[:3, 3],
                quat_world_from_frame_wxyz=_level(heading_rad + hand.yaw_rad),
            )
            opening = hand.opening
        soles = [
            PoseTarget(position_in_world_m=position_m, quat_world_from_frame_wxyz=_level(float(yaw_rad)))
            for position_m, yaw_rad in zip(feet.sole_m, feet.sole_yaw_rad, strict=True)
        ]
        targets = BodyTargets(
            soles=(soles[0], soles[1]),
            grips=(None, grip),
            pelvis_height_m=_PELVIS_M,
            quat_world_from_pelvis_wxyz=_level(heading_rad),
            center_of_mass_in_world_m=feet.center_of_mass_m,
            joint_position_rad=posture,
        )
        return OperatorPose(targets, np.array([1.0, opening]))


def _level(yaw_rad: float) -> FloatArray:
    """[4] wxyz quaternion of a turn about the vertical."""
    return quat_from_roll_pitch_yaw(np.array([0.0, 0.0, yaw_rad]))
