"""The scripted operator of the shelf cup transfer, which knows the true poses of cups, mat and hand.

It squats, brings the right hand in front of the named cup, approaches it under closed-loop correction, grasps, stands
up, places the cup on the mat and withdraws the hand.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.control.inverse_kinematics import PoseTarget
from hlm.control.model import Configuration
from hlm.control.operator import Operator, OperatorPose
from hlm.core.arrays import FloatArray
from hlm.core.rotations import quat_from_yaw
from hlm.sim.operators.hand_strokes import HandStep, HandStrokes, Stroke
from hlm.sim.operators.pick_and_place import PickAndPlaceStrokes
from hlm.sim.operators.scripted_body import ScriptedBody
from hlm.sim.pick_and_place.task import PickAndPlaceTask
from hlm.sim.tasks.shelf_cup_transfer.table import CUP_HALF_HEIGHT_M

# Height of the pelvis above the soles.
_STANDING_M, _SQUATTING_M = 0.755, 0.60
_SQUATTING_PITCH_RAD = 0.30
# A robot that is bent less than this stands.
_SLIGHT_BEND = 0.2
# In front of both shelves and to the right of the high one, in the world.
_CLEAR_M = (0.215, -0.17, 0.0)


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
        self._body = ScriptedBody(task.robot)

    def reset(self) -> Configuration:
        """Start the script from the robot's true configuration."""
        start = self._body.reset()
        bend = self._bend(self._body.in_stance_m(start.position_pelvis_in_world_m)[2])
        self._steps = self._script(
            HandStrokes(self._true_grip_m(), self._true_grip_m, self._rng, self._variation, bend)
        )
        return start

    def pose(self) -> OperatorPose | None:
        """The next pose of the script; None after the last."""
        hand = next(self._steps, None)
        return None if hand is None else self._body.pose(_command(hand))

    def _bend(self, height_m: float) -> float:
        """Bend of the body as it is, so that who takes over from a robot that squats need not rise first."""
        bend = (_STANDING_M - height_m) / (_STANDING_M - _SQUATTING_M)
        return min(bend, 1.0) if bend > _SLIGHT_BEND else 0.0

    def _true_grip_m(self) -> FloatArray:
        """[3] grip in the stance frame."""
        return self._body.in_stance_m(self._task.scene.hand.pose_world_from_grip[:3, 3])

    def _script(self, hand: HandStrokes) -> Iterator[HandStep]:
        task, body, home_m = self._task, self._body, hand.grip_m.copy()
        strokes = PickAndPlaceStrokes(
            hand,
            lambda: body.in_stance_m(task.target.position_m),
            lambda: body.in_stance_m(task.scene.mat_position_m),
            CUP_HALF_HEIGHT_M,
        )
        yield from strokes.pick(bend=1.0)
        grasp_m, clear_m = hand.grip_m.copy(), body.in_stance_m(np.array(_CLEAR_M))
        lift_m = grasp_m + np.array([0.0, 0.0, 0.06])
        yield from hand.move(Stroke(goal_m=lambda: lift_m, duration_s=0.6, bend=0.95))
        # Out from above the low shelf, up in front of both shelves, and only then across: the high shelf is between.
        out_m = np.array([clear_m[0], min(grasp_m[1], clear_m[1]), lift_m[2] + 0.02])
        out_m = out_m + 0.4 * strokes.waypoint_offset_m
        yield from hand.move(Stroke(goal_m=lambda: out_m, duration_s=0.7, bend=0.8))
        up_m = np.array([out_m[0], out_m[1], strokes.at_mat(0.0, 0.06)[2]])
        yield from hand.move(Stroke(goal_m=lambda: up_m, duration_s=1.3))
        yield from strokes.place()
        yield from strokes.retreat(np.array([-0.09, -0.03, 0.01]), home_m)


def make_operator(task: PickAndPlaceTask, rng: np.random.Generator) -> Operator:
    """The scripted operator of this task."""
    return ShelfCupOperator(task, rng)


def _command(hand: HandStep) -> BodyCommand:
    """Squat as deep as the hand asks, with the chest towards it."""
    grip = PoseTarget(position_in_world_m=hand.target_m, quat_world_from_frame_wxyz=quat_from_yaw(hand.yaw_rad))
    return BodyCommand(
        pelvis_height_m=_STANDING_M + hand.bend * (_SQUATTING_M - _STANDING_M),
        pelvis_pitch_rad=hand.bend * _SQUATTING_PITCH_RAD,
        waist_rad=np.array([_chest_yaw_rad(hand.grip_m), 0.0, 0.1 + 0.15 * hand.bend]),
        grips=(None, grip),
        gripper_opening=np.array([1.0, hand.opening]),
    )


def _chest_yaw_rad(grip_m: FloatArray) -> float:
    """Waist yaw that turns the chest towards a hand reaching across, so that the arm does not touch it."""
    return 2.5 * max(0.0, float(grip_m[1]) + 0.18)
