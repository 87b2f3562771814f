"""The scripted operator of the shelf cup transfer: it sees where cups, mat and its own hand really are.

It squats, brings the right hand before the cup that is asked for, closes in while it watches hand and cup, grasps,
stands up, puts the cup on the mat and takes the hand back. Speed, way points, pauses and a slow tremor vary from
episode to episode, so that demonstrations cover the neighbourhood of the path.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from hlm.control.inverse_kinematics import BodyTargets, PoseTarget
from hlm.control.model import BodyModel, Configuration
from hlm.control.operator import OperatorPose
from hlm.core.arrays import FloatArray
from hlm.core.rotations import quat_from_matrix, quat_from_roll_pitch_yaw
from hlm.core.unitree_g1 import UNITREE_G1
from hlm.sim.tasks.shelf_cup_transfer import CUP_HALF_HEIGHT_M, ShelfCupTransfer, home_rad

_ROW_HZ = 30.0
_STAND_M, _SQUAT_M = 0.755, 0.60
_SQUAT_LEAN_RAD = 0.30
_WAIST_YAW, _WAIST_PITCH = 12, 14
# Ahead of the shelves' front edge, right of the high one's side.
_CLEAR_M = (0.215, -0.17)
# The body follows its reference 0.2 s late: that many rows ago the hand was told to be where it is now.
_FOLLOW_ROWS = 6
_WATCH_GAIN_PER_S = 1.5
_WATCH_REACH_M = 0.03
_TREMOR_DECAY, _TREMOR_M = 0.92, 0.0005


@dataclass(frozen=True, kw_only=True, slots=True)
class Stroke:
    """One movement of the right hand.

    Attributes:
        goal: [3] where the grip goes, asked for anew at every row.
        duration_s: at normal speed.
        squat: 0 standing to 1 squatting at the end.
        opening: of the gripper at the end; None leaves it.
        watch: correct the hand by what is seen of it.
    """

    goal: Callable[[], FloatArray]
    duration_s: float
    squat: float
    opening: float | None = None
    watch: bool = False


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
        position_m, quat_wxyz = self._task.robot.true_base()
        start = Configuration(
            position_pelvis_in_world_m=position_m,
            quat_world_from_pelvis_wxyz=quat_wxyz,
            joint_position_rad=self._task.robot.read().joint_position_rad,
        )
        poses = [self._model.pose_world_from(name, start) for name in ("left_sole", "right_sole")]
        self._soles = (_sole_target(poses[0]), _sole_target(poses[1]))
        self._middle_m = np.mean([pose[:3, 3] for pose in poses], axis=0)
        self._grip_m: FloatArray = self._model.pose_world_from("right_grip", start)[:3, 3]
        self._home_m = self._grip_m.copy()
        self._yaw_rad = 0.0
        self._squat = 0.0
        self._opening = 1.0
        self._bias_m: FloatArray = np.zeros(3)
        self._tremor_m: FloatArray = np.zeros(3)
        self._asked_m: deque[FloatArray] = deque(maxlen=_FOLLOW_ROWS)
        self._speed = 1.0 + self._variation * self._rng.uniform(-0.15, 0.2)
        self._rows = self._script()
        return start

    def pose(self) -> OperatorPose | None:
        """The next row of the script."""
        return next(self._rows, None)

    def _script(self) -> Iterator[OperatorPose]:
        task = self._task
        height_m = self._vary(0.008)[2]
        before_m = 0.11 + float(self._vary(0.012)[0])
        waypoint_m, release_m = self._vary(0.012), self._vary(0.004) * np.array([1.0, 1.0, 0.0])

        def cup(back_m: float = 0.0, up_m: float = 0.0) -> FloatArray:
            return task.target.position_m + np.array([-back_m, 0.0, up_m + height_m])

        def mat(back_m: float = 0.0, up_m: float = 0.0) -> FloatArray:
            return task.mat_m + np.array([-back_m, 0.0, CUP_HALF_HEIGHT_M + up_m + height_m]) + release_m

        yield from self._stroke(Stroke(goal=lambda: cup(before_m + 0.05, 0.06) + waypoint_m, duration_s=1.6, squat=1.0))
        yield from self._pause(0.5)
        yield from self._stroke(Stroke(goal=lambda: cup(before_m), duration_s=0.7, squat=1.0, watch=True))
        yield from self._stroke(Stroke(goal=lambda: cup(0.0), duration_s=0.95, squat=1.0, watch=True))
        grasp_m = self._grip_m.copy()
        yield from self._stroke(Stroke(goal=lambda: grasp_m, duration_s=0.3, squat=1.0, watch=True))
        yield from self._stroke(Stroke(goal=lambda: grasp_m, duration_s=0.5, squat=1.0, opening=0.0))
        lift_m = grasp_m + np.array([0.0, 0.0, 0.06])
        yield from self._stroke(Stroke(goal=lambda: lift_m, duration_s=0.6, squat=0.95))
        # Out from above the low shelf, up in front of both, and only then across: the high shelf is in between.
        out_m = np.array([_CLEAR_M[0], min(grasp_m[1], _CLEAR_M[1]), lift_m[2] + 0.02]) + 0.4 * waypoint_m
        yield from self._stroke(Stroke(goal=lambda: out_m, duration_s=0.7, squat=0.8))
        up_m = np.array([out_m[0], out_m[1], mat(0.0, 0.06)[2]])
        yield from self._stroke(Stroke(goal=lambda: up_m, duration_s=1.3, squat=0.0))
        yield from self._stroke(Stroke(goal=lambda: mat(0.05, 0.06), duration_s=1.2, squat=0.0))
        yield from self._pause(0.3)
        yield from self._stroke(Stroke(goal=lambda: mat(0.0, 0.06), duration_s=0.5, squat=0.0, watch=True))
        yield from self._stroke(Stroke(goal=lambda: mat(0.0, 0.002), duration_s=0.8, squat=0.0, watch=True))
        place_m = self._grip_m.copy()
        yield from self._stroke(Stroke(goal=lambda: place_m, duration_s=0.4, squat=0.0, opening=1.0))
        back_m = place_m + np.array([-0.09, -0.03, 0.01])
        yield from self._stroke(Stroke(goal=lambda: back_m, duration_s=0.7, squat=0.0))
        yield from self._stroke(Stroke(goal=lambda: self._home_m, duration_s=1.1, squat=0.0))
        yield from self._stroke(Stroke(goal=lambda: self._home_m, duration_s=0.4, squat=0.0))

    def _vary(self, scale: float) -> FloatArray:
        """[3] draw of what differs between episodes."""
        return self._variation * self._rng.normal(0.0, scale, size=3)

    def _pause(self, longest_s: float) -> Iterator[OperatorPose]:
        """Sometimes people wait."""
        if self._rng.random() < 0.4 * self._variation:
            here_m, squat = self._grip_m.copy(), self._squat
            wait_s = float(self._rng.uniform(0.1, longest_s))
            yield from self._stroke(Stroke(goal=lambda: here_m, duration_s=wait_s, squat=squat))

    def _stroke(self, stroke: Stroke) -> Iterator[OperatorPose]:
        factor = self._speed * (1.0 + self._variation * self._rng.uniform(-0.08, 0.12))
        rows = max(1, round(stroke.duration_s * factor * _ROW_HZ))
        start_m, start_squat, start_opening = self._grip_m.copy(), self._squat, self._opening
        start_yaw = self._yaw_rad
        for row in range(1, rows + 1):
            share = _smooth(row / rows)
            goal_m = stroke.goal()
            self._grip_m = start_m + share * (goal_m - start_m)
            self._yaw_rad = start_yaw + share * (_hand_yaw(goal_m) - start_yaw)
            self._squat = start_squat + share * (stroke.squat - start_squat)
            if stroke.opening is not None:
                self._opening = start_opening + min(1.0, 1.25 * row / rows) * (stroke.opening - start_opening)
            self._watch(stroke.watch)
            yield self._row()

    def _watch(self, watching: bool) -> None:  # noqa: FBT001 - read from the stroke
        """Move the target by what the hand is off, slowly; and let it tremble when it need not be exact."""
        if watching and len(self._asked_m) == _FOLLOW_ROWS:
            seen_m = self._task.pose_world_from_grip[:3, 3]
            self._bias_m = self._bias_m + _WATCH_GAIN_PER_S / _ROW_HZ * (self._asked_m[0] - seen_m)
            self._bias_m = np.clip(self._bias_m, -_WATCH_REACH_M, _WATCH_REACH_M)
        self._asked_m.append(self._grip_m.copy())
        push = np.zeros(3) if watching else self._vary(_TREMOR_M)
        self._tremor_m = _TREMOR_DECAY * self._tremor_m + push

    def _row(self) -> OperatorPose:
        posture = home_rad()
        posture[_WAIST_PITCH] = 0.1 + 0.15 * self._squat
        posture[_WAIST_YAW] = _turn(self._grip_m)
        height_m = self._middle_m[2] + _STAND_M + self._squat * (_SQUAT_M - _STAND_M)
        hand = PoseTarget(
            position_in_world_m=self._grip_m + self._bias_m + self._tremor_m,
            quat_world_from_frame_wxyz=quat_from_roll_pitch_yaw(np.array([0.0, 0.0, self._yaw_rad])),
        )
        targets = BodyTargets(
            soles=self._soles,
            grips=(None, hand),
            pelvis_height_m=float(height_m),
            quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(np.array([0.0, self._squat * _SQUAT_LEAN_RAD, 0.0])),
            center_of_mass_in_world_m=self._middle_m[:2],
            joint_position_rad=posture,
        )
        return OperatorPose(targets, np.array([1.0, self._opening]))


def _sole_target(pose_world_from_sole: FloatArray) -> PoseTarget:
    return PoseTarget(
        position_in_world_m=pose_world_from_sole[:3, 3],
        quat_world_from_frame_wxyz=quat_from_matrix(pose_world_from_sole[:3, :3]),
    )


def _smooth(share: float) -> float:
    """Minimum-jerk way from 0 to 1."""
    return share**3 * (10.0 - 15.0 * share + 6.0 * share**2)


def _hand_yaw(goal_m: FloatArray) -> float:
    """A hand far to the right points a little outwards; one that reaches across comes in from the right."""
    across_rad = float(np.arctan2(goal_m[1] + 0.15, goal_m[0]))
    return across_rad * (0.4 if across_rad < 0.0 else 1.2)


def _turn(grip_m: FloatArray) -> float:
    """The chest turns towards a hand that reaches across, so that the arm does not meet it."""
    return 2.5 * max(0.0, float(grip_m[1]) + 0.18)
