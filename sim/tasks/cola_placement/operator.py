"""The scripted operator of the cola placement, which knows the true poses of cans, mat, feet and hand.

It walks up to the table, observes where its feet ended up and walks again if that is not close enough, brings the
right hand in front of the named can, approaches it under closed-loop correction, grasps, lifts the can high enough to
pass over the other one, places it on the mat and withdraws the hand.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hlm.control.inverse_kinematics import BodyTargets, PoseTarget
from hlm.control.model import BodyModel, Configuration
from hlm.control.operator import Operator, OperatorPose
from hlm.control.walking_pattern import GaitConfig, WalkingPose, middle
from hlm.core.arrays import FloatArray
from hlm.core.layout import MOTOR_RIGHT_ARM, MOTOR_WAIST_PITCH
from hlm.core.rotations import planar_from_pose, quat_from_yaw
from hlm.sim.operators.feet import WalkingFeet
from hlm.sim.operators.hand_strokes import HandStep, HandStrokes, Stroke
from hlm.sim.operators.pick_and_place import PickAndPlaceStrokes
from hlm.sim.operators.stance import sole_poses, true_configuration
from hlm.sim.pick_and_place.task import PickAndPlaceTask
from hlm.sim.start_pose import START_POSE
from hlm.sim.tasks.cola_placement.table import CAN_HALF_HEIGHT_M

_PELVIS_HEIGHT_M = 0.74
# The posture of the right arm blends from the start pose to the extended one while the hand reaches ahead from the
# first distance to the second. So the chest need not turn, and the head camera keeps the scene in view.
_EXTENDED_RIGHT_ARM_RAD = (-0.60, -0.35, 0.0, 0.43, 0.34, -0.03, -0.02)
_REACH_AHEAD_M = (0.15, 0.40)
# Above the grasp: high enough for a can to pass over the other one.
_CARRY_HEIGHT_M = 0.16
_MAX_WALKS = 3
_REST_S = 0.5
# Standard deviation of the place to stand: x (m), y (m) and yaw (rad).
_GOAL_STD = (0.015, 0.015, 0.025)
# Everything is within reach from a place this close to the intended one.
_GOAL_TOLERANCE_M, _GOAL_TOLERANCE_RAD = 0.05, 0.10


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
        self._embodiment = task.robot.embodiment
        self._model = BodyModel(self._embodiment)

    def reset(self) -> Configuration:
        """Start the script from the robot's true configuration."""
        start = true_configuration(self._task.robot)
        self._feet = WalkingFeet(self._true_soles, self._sampled_gait())
        self._poses = self._script()
        return start

    def pose(self) -> OperatorPose | None:
        """The next pose of the script; None after the last."""
        return next(self._poses, None)

    def _sampled_gait(self) -> GaitConfig:
        """The gait of this episode: people walk faster and slower, with longer and shorter steps."""
        usual = GaitConfig()
        forward_m, sideways_m, turn_rad = usual.max_step
        slower, shorter = self._variation * self._rng.uniform(0.0, 1.0, size=2)
        return GaitConfig(
            single_support_s=usual.single_support_s * (1.0 + 0.1 * slower),
            rest_s=_REST_S,
            max_step=(forward_m * (1.0 - 0.2 * shorter), sideways_m, turn_rad),
        )

    def _true_soles(self) -> FloatArray:
        """[foot, 3] x (m), y (m) and yaw (rad) of the soles in the world."""
        poses = sole_poses(self._model, true_configuration(self._task.robot))
        return np.array([planar_from_pose(pose) for pose in poses])

    def _in_stance_m(self, point_in_world_m: FloatArray) -> FloatArray:
        """[3] world point in the stance frame."""
        pose = self._feet.pose_stance_from_world
        point_m: FloatArray = pose[:3, :3] @ point_in_world_m + pose[:3, 3]
        return point_m

    def _true_grip_m(self) -> FloatArray:
        """[3] grip in the stance frame."""
        return self._in_stance_m(self._task.scene.hand.pose_world_from_grip[:3, 3])

    def _script(self) -> Iterator[OperatorPose]:
        # The origin of the world is a good place to stand.
        goal = self._variation * self._rng.normal(0.0, _GOAL_STD)
        for _ in range(_MAX_WALKS):
            distance_m, turn_rad = self._feet.distance_to(goal)
            if distance_m < _GOAL_TOLERANCE_M and turn_rad < _GOAL_TOLERANCE_RAD:
                break
            for feet in self._feet.walk_to(goal):
                yield self._pose(feet, None)
        grip_m = self._true_grip_m()
        for hand in self._manipulate(HandStrokes(grip_m, self._true_grip_m, self._rng, self._variation)):
            yield self._pose(self._feet.standing(), hand)

    def _manipulate(self, hand: HandStrokes) -> Iterator[HandStep]:
        task, home_m = self._task, hand.grip_m.copy()
        strokes = PickAndPlaceStrokes(
            hand,
            lambda: self._in_stance_m(task.target.position_m),
            lambda: self._in_stance_m(task.scene.mat_position_m),
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

    def _pose(self, feet: WalkingPose, hand: HandStep | None) -> OperatorPose:
        """The body with these feet; without a hand the arms keep their start pose."""
        heading_rad = float(middle(np.column_stack([feet.sole_position_m[:, :2], feet.sole_yaw_rad]))[2])
        soles = [
            PoseTarget(position_in_world_m=position_m, quat_world_from_frame_wxyz=quat_from_yaw(float(yaw_rad)))
            for position_m, yaw_rad in zip(feet.sole_position_m, feet.sole_yaw_rad, strict=True)
        ]
        targets = BodyTargets(
            soles=(soles[0], soles[1]),
            grips=(None, None if hand is None else self._grip(hand, heading_rad)),
            pelvis_height_m=_PELVIS_HEIGHT_M,
            quat_world_from_pelvis_wxyz=quat_from_yaw(heading_rad),
            com_position_in_world_m=feet.com_position_m,
            joint_position_rad=self._posture_rad(hand),
        )
        return OperatorPose(targets, np.array([1.0, 1.0 if hand is None else hand.opening]))

    def _grip(self, hand: HandStep, heading_rad: float) -> PoseTarget:
        stance = self._feet.pose_operator_from_stance
        return PoseTarget(
            position_in_world_m=stance[:3, :3] @ hand.target_m + stance[:3, 3],
            quat_world_from_frame_wxyz=quat_from_yaw(heading_rad + hand.yaw_rad),
        )

    def _posture_rad(self, hand: HandStep | None) -> FloatArray:
        """[joint] posture that the rest of the body tends to."""
        posture_rad = self._embodiment.pose_rad(START_POSE).copy()
        posture_rad[MOTOR_WAIST_PITCH] = 0.1
        if hand is not None:
            ahead = float(np.interp(hand.grip_m[0], _REACH_AHEAD_M, (0.0, 1.0)))
            posture_rad[MOTOR_WAIST_PITCH] += 0.1 * ahead
            posture_rad[MOTOR_RIGHT_ARM] += ahead * (np.array(_EXTENDED_RIGHT_ARM_RAD) - posture_rad[MOTOR_RIGHT_ARM])
        return posture_rad


def make_operator(task: PickAndPlaceTask, rng: np.random.Generator) -> Operator:
    """The scripted operator of this task."""
    return ColaOperator(task, rng)
