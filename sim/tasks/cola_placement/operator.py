"""The scripted operator of the cola placement, which knows the true poses of cans, mat, feet and hand.

It walks up to the table, observes where its feet ended up and walks again if that is not close enough, brings the
right hand in front of the named can, approaches it under closed-loop correction, grasps, lifts the can high enough to
pass over the other one, places it on the mat and withdraws the hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.config import CommandedBodyConfig
from hlm.control.inverse_kinematics import PoseTarget
from hlm.control.model import Configuration
from hlm.control.operator import Operator, OperatorPose
from hlm.core.arrays import FloatArray
from hlm.core.rotations import quat_from_yaw
from hlm.sim.operators.hand_strokes import HandStep, HandStrokes, Stroke
from hlm.sim.operators.pick_and_place import PickAndPlaceStrokes
from hlm.sim.operators.scripted_body import ScriptedBody
from hlm.sim.pick_and_place.task import PickAndPlaceTask
from hlm.sim.tasks.cola_placement.table import CAN_HALF_HEIGHT_M

# Above the grasp: high enough for a can to pass over the other one.
_CARRY_HEIGHT_M = 0.16
_MAX_WALKS = 3
# Standard deviation of the place to stand: x (m), y (m) and yaw (rad).
_GOAL_STD = (0.015, 0.015, 0.025)
# Everything is within reach from a place this close to the intended one.
_GOAL_TOLERANCE_M, _GOAL_TOLERANCE_RAD = 0.05, 0.10
# The chest does not turn with the hand, so that the head camera keeps the scene in view.
_CHEST_RAD = (0.1, 0.1, 0.1)


class ColaOperator:
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
        self._body = ScriptedBody(task.robot, self._sampled_config())

    def reset(self) -> Configuration:
        """Start the script from the robot's true configuration."""
        start = self._body.reset()
        self._commands = self._script()
        return start

    def pose(self) -> OperatorPose | None:
        """The next pose of the script; None after the last."""
        command = next(self._commands, None)
        return None if command is None else self._body.pose(command)

    def _sampled_config(self) -> CommandedBodyConfig:
        """The walk of this operator: people walk faster and slower, with longer and shorter steps."""
        usual = CommandedBodyConfig()
        slower, shorter = self._variation * self._rng.uniform(0.0, 1.0, size=2)
        return replace(
            usual,
            gait=replace(usual.gait, single_support_s=usual.gait.single_support_s * (1.0 + 0.1 * slower)),
            max_ahead_m_s=usual.max_ahead_m_s * (1.0 - 0.2 * shorter),
            hands_waist_rad=_CHEST_RAD,
        )

    def _true_grip_m(self) -> FloatArray:
        """[3] grip in the stance frame."""
        return self._body.in_stance_m(self._task.scene.hand.pose_world_from_grip[:3, 3])

    def _script(self) -> Iterator[BodyCommand]:
        # The origin of the world is a good place to stand.
        goal = self._variation * self._rng.normal(0.0, _GOAL_STD)
        for _ in range(_MAX_WALKS):
            distance_m, turn_rad = self._body.distance_to(goal)
            if distance_m < _GOAL_TOLERANCE_M and turn_rad < _GOAL_TOLERANCE_RAD:
                break
            yield from self._body.walk_to(goal)
        for hand in self._manipulate(HandStrokes(self._true_grip_m(), self._true_grip_m, self._rng, self._variation)):
            yield _command(hand)

    def _manipulate(self, hand: HandStrokes) -> Iterator[HandStep]:
        task, home_m = self._task, hand.grip_m.copy()
        strokes = PickAndPlaceStrokes(
            hand,
            lambda: self._body.in_stance_m(task.target.position_m),
            lambda: self._body.in_stance_m(task.scene.mat_position_m),
            CAN_HALF_HEIGHT_M,
        )
        yield from strokes.pick()
        lift_m = hand.grip_m + np.array([0.0, 0.0, _CARRY_HEIGHT_M])
        yield from hand.move(Stroke(goal_m=lambda: lift_m, duration_s=0.9))
        yield from hand.move(Stroke(goal_m=lambda: strokes.at_mat(0.05, _CARRY_HEIGHT_M), duration_s=1.1))
        yield from strokes.place()
        # Along the fingers: moving across them would drag the can along.
        back_m = np.array([-0.11 * np.cos(hand.yaw_rad), -0.11 * np.sin(hand.yaw_rad), 0.01])
        yield from strokes.retreat(back_m, home_m)


def make_operator(task: PickAndPlaceTask, rng: np.random.Generator) -> Operator:
    """The scripted operator of this task."""
    return ColaOperator(task, rng)


def _command(hand: HandStep) -> BodyCommand:
    """Stand with this hand."""
    grip = PoseTarget(position_in_world_m=hand.target_m, quat_world_from_frame_wxyz=quat_from_yaw(hand.yaw_rad))
    return BodyCommand(grips=(None, grip), gripper_opening=np.array([1.0, hand.opening]))
