"""The scripted operator of the shelf cup transfer: it sees where cups, mat and its own hand really are.

It squats, brings the right hand before the cup that is asked for, closes in while it watches hand and cup, grasps,
stands up, puts the cup on the mat and takes the hand back.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hlm.control.inverse_kinematics import BodyTargets, PoseTarget
from hlm.control.model import BodyModel, Configuration
from hlm.control.operator import OperatorPose
from hlm.core.arrays import FloatArray
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.rotations import quat_from_roll_pitch_yaw
from hlm.sim.operators.hand_strokes import HandRow, HandStrokes, Stroke
from hlm.sim.operators.pick_and_place import PickAndPlaceStrokes
from hlm.sim.operators.stance import pose_target, sole_poses, true_configuration
from hlm.sim.start_pose import home_rad
from hlm.sim.tasks.shelf_cup_transfer.stages import CUP_HALF_HEIGHT_M, ShelfCupTransfer

_STAND_M, _SQUAT_M = 0.755, 0.60
_SQUAT_LEAN_RAD = 0.30
_WAIST_YAW, _WAIST_PITCH = 12, 14
# Ahead of the shelves' front edge, right of the high one's side.
_CLEAR_M = (0.215, -0.17)


class ShelfCupOperator:
    """Implements `hlm.control.operator.Operator`.

    Args:
        task: the task to be done, already reset when `reset` is called.
        rng: where variation comes from.
        variation: 0 repeats the same path, 1 varies as people do.
    """

    def __init__(self, task: ShelfCupTransfer, rng: np.random.Generator, variation: float = 1.0) -> None:
        self._task = task
        self._rng = rng
        self._variation = variation
        self._model = BodyModel(UNITREE_G1)

    def reset(self) -> Configuration:
        """Take the robot's true pose as the start of the script."""
        start = true_configuration(self._task.robot)
        left, right = sole_poses(self._model, start)
        self._soles = (pose_target(left), pose_target(right))
        self._middle_m = np.mean([left[:3, 3], right[:3, 3]], axis=0)
        grip_m = self._model.pose_world_from("right_grip", start)[:3, 3]
        hand = HandStrokes(grip_m, self._see_grip, self._rng, self._variation)
        self._rows = self._script(hand)
        return start

    def pose(self) -> OperatorPose | None:
        """The next row of the script."""
        hand = next(self._rows, None)
        return None if hand is None else self._row(hand)

    def _see_grip(self) -> FloatArray:
        return self._task.hand.pose_world_from_grip[:3, 3]

    def _script(self, hand: HandStrokes) -> Iterator[HandRow]:
        task, home_m = self._task, hand.grip_m.copy()
        work = PickAndPlaceStrokes(hand, lambda: task.target.position_m, lambda: task.mat_m, CUP_HALF_HEIGHT_M)
        yield from work.pick(bend=1.0)
        grasp_m = hand.grip_m.copy()
        lift_m = grasp_m + np.array([0.0, 0.0, 0.06])
        yield from hand.move(Stroke(goal=lambda: lift_m, duration_s=0.6, bend=0.95))
        # Out from above the low shelf, up in front of both, and only then across: the high shelf is in between.
        out_m = np.array([_CLEAR_M[0], min(grasp_m[1], _CLEAR_M[1]), lift_m[2] + 0.02]) + 0.4 * work.waypoint_m
        yield from hand.move(Stroke(goal=lambda: out_m, duration_s=0.7, bend=0.8))
        up_m = np.array([out_m[0], out_m[1], work.at_mat(0.0, 0.06)[2]])
        yield from hand.move(Stroke(goal=lambda: up_m, duration_s=1.3))
        yield from work.put()
        yield from work.leave(np.array([-0.09, -0.03, 0.01]), home_m)

    def _row(self, hand: HandRow) -> OperatorPose:
        posture = home_rad()
        posture[_WAIST_PITCH] = 0.1 + 0.15 * hand.bend
        posture[_WAIST_YAW] = _chest_turn_rad(hand.grip_m)
        height_m = self._middle_m[2] + _STAND_M + hand.bend * (_SQUAT_M - _STAND_M)
        grip = PoseTarget(
            position_in_world_m=hand.target_m,
            quat_world_from_frame_wxyz=quat_from_roll_pitch_yaw(np.array([0.0, 0.0, hand.yaw_rad])),
        )
        targets = BodyTargets(
            soles=self._soles,
            grips=(None, grip),
            pelvis_height_m=float(height_m),
            quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(np.array([0.0, hand.bend * _SQUAT_LEAN_RAD, 0.0])),
            center_of_mass_in_world_m=self._middle_m[:2],
            joint_position_rad=posture,
        )
        return OperatorPose(targets, np.array([1.0, hand.opening]))


def _chest_turn_rad(grip_m: FloatArray) -> float:
    """The chest turns towards a hand that reaches across, so that the arm does not meet it."""
    return 2.5 * max(0.0, float(grip_m[1]) + 0.18)
