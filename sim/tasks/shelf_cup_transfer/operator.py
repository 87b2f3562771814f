"""The scripted operator of the shelf cup transfer, which knows the true poses of cups, mat and hand.

It squats, brings the right hand in front of the named cup, approaches it under closed-loop correction, grasps, stands
up, places the cup on the mat and withdraws the hand.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hlm.control.inverse_kinematics import BodyTargets, PoseTarget
from hlm.control.model import BodyModel, Configuration
from hlm.control.operator import Operator, OperatorPose
from hlm.core.arrays import FloatArray
from hlm.core.layout import MOTOR_WAIST_PITCH, MOTOR_WAIST_YAW
from hlm.core.rotations import quat_from_roll_pitch_yaw, quat_from_yaw
from hlm.sim.operators.hand_strokes import HandStep, HandStrokes, Stroke
from hlm.sim.operators.pick_and_place import PickAndPlaceStrokes
from hlm.sim.operators.stance import pose_target, sole_poses, true_configuration
from hlm.sim.pick_and_place.task import PickAndPlaceTask
from hlm.sim.start_pose import START_POSE
from hlm.sim.tasks.shelf_cup_transfer.table import CUP_HALF_HEIGHT_M

# Height of the pelvis above the soles.
_STANDING_M, _SQUATTING_M = 0.755, 0.60
_SQUATTING_PITCH_RAD = 0.30
# A robot that is bent less than this stands.
_SLIGHT_BEND = 0.2
# x and y in front of both shelves and to the right of the high one.
_CLEAR_M = (0.215, -0.17)


class ShelfCupOperator:
    """Implements `hlm.control.operator.Operator`.

    Args:
        task: the task to do; reset it before the operator.
        rng: source of the variation.
        variation: 0 repeats the same path, 1 varies as people do.
    """

    def __init__(self, task: PickAndPlaceTask, rng: np.random.Generator, variation: float = 1.0) -> None:
        self._task = task
        self._rng = rng
        self._variation = variation
        self._embodiment = task.robot.embodiment
        self._model = BodyModel(self._embodiment)

    def reset(self) -> Configuration:
        """Start the script from the robot's true configuration."""
        start = true_configuration(self._task.robot)
        left, right = sole_poses(self._model, start)
        self._soles = (pose_target(left), pose_target(right))
        self._midpoint_m = np.mean([left[:3, 3], right[:3, 3]], axis=0)
        grip_m = self._model.pose_world_from("right_grip", start)[:3, 3]
        hand = HandStrokes(grip_m, self._true_grip_m, self._rng, self._variation, self._bend(start))
        self._steps = self._script(hand)
        return start

    def pose(self) -> OperatorPose | None:
        """The next pose of the script; None after the last."""
        hand = next(self._steps, None)
        return None if hand is None else self._pose(hand)

    def _bend(self, start: Configuration) -> float:
        """Bend of the body as it is, so that who takes over from a robot that squats need not rise first."""
        height_m = float(start.position_pelvis_in_world_m[2] - self._midpoint_m[2])
        bend = (_STANDING_M - height_m) / (_STANDING_M - _SQUATTING_M)
        return min(bend, 1.0) if bend > _SLIGHT_BEND else 0.0

    def _true_grip_m(self) -> FloatArray:
        return self._task.scene.hand.pose_world_from_grip[:3, 3]

    def _script(self, hand: HandStrokes) -> Iterator[HandStep]:
        task, home_m = self._task, hand.grip_m.copy()
        strokes = PickAndPlaceStrokes(
            hand, lambda: task.target.position_m, lambda: task.scene.mat_position_m, CUP_HALF_HEIGHT_M
        )
        yield from strokes.pick(bend=1.0)
        grasp_m = hand.grip_m.copy()
        lift_m = grasp_m + np.array([0.0, 0.0, 0.06])
        yield from hand.move(Stroke(goal_m=lambda: lift_m, duration_s=0.6, bend=0.95))
        # Out from above the low shelf, up in front of both shelves, and only then across: the high shelf is between.
        out_m = np.array([_CLEAR_M[0], min(grasp_m[1], _CLEAR_M[1]), lift_m[2] + 0.02])
        out_m = out_m + 0.4 * strokes.waypoint_offset_m
        yield from hand.move(Stroke(goal_m=lambda: out_m, duration_s=0.7, bend=0.8))
        up_m = np.array([out_m[0], out_m[1], strokes.at_mat(0.0, 0.06)[2]])
        yield from hand.move(Stroke(goal_m=lambda: up_m, duration_s=1.3))
        yield from strokes.place()
        yield from strokes.retreat(np.array([-0.09, -0.03, 0.01]), home_m)

    def _pose(self, hand: HandStep) -> OperatorPose:
        posture_rad = self._embodiment.pose_rad(START_POSE).copy()
        posture_rad[MOTOR_WAIST_PITCH] = 0.1 + 0.15 * hand.bend
        posture_rad[MOTOR_WAIST_YAW] = _chest_yaw_rad(hand.grip_m)
        height_m = self._midpoint_m[2] + _STANDING_M + hand.bend * (_SQUATTING_M - _STANDING_M)
        grip = PoseTarget(position_in_world_m=hand.target_m, quat_world_from_frame_wxyz=quat_from_yaw(hand.yaw_rad))
        pitch_rad = hand.bend * _SQUATTING_PITCH_RAD
        targets = BodyTargets(
            soles=self._soles,
            grips=(None, grip),
            pelvis_height_m=float(height_m),
            quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(np.array([0.0, pitch_rad, 0.0])),
            com_position_in_world_m=self._midpoint_m[:2],
            joint_position_rad=posture_rad,
        )
        return OperatorPose(targets, np.array([1.0, hand.opening]))


def make_operator(task: PickAndPlaceTask, rng: np.random.Generator) -> Operator:
    """The scripted operator of this task."""
    return ShelfCupOperator(task, rng)


def _chest_yaw_rad(grip_m: FloatArray) -> float:
    """Waist yaw that turns the chest towards a hand reaching across, so that the arm does not touch it."""
    return 2.5 * max(0.0, float(grip_m[1]) + 0.18)
