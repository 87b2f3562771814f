"""The feet of a scripted operator that walks: where it thinks that they are, and how that is put right by looking."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from hlm.control.walking_pattern import GaitConfig, WalkingPattern, WalkingPose, footsteps_to, middle, smooth
from hlm.core.arrays import FloatArray
from hlm.core.rotations import matrix_from_yaw
from hlm.sim.operators.hand_strokes import ROW_HZ

_LOOK_S = 0.4


class WalkingFeet:
    """Walks in the operator's own world, which is the true one until the first walk.

    A walk does not end quite where it was meant to. The body can only be told how its feet stand to each other; so the
    operator keeps to where it thinks that it stands, and corrects where everything else is.

    Args:
        see: [foot, 3] x (m), y (m) and yaw (rad) of the soles' true poses in the world now.
        gait: how steps are taken.
    """

    def __init__(self, see: Callable[[], FloatArray], gait: GaitConfig) -> None:
        self._see = see
        self._gait = gait
        self._soles = see()
        self._operator_from_world: FloatArray = np.eye(4)

    @property
    def operator_from_stand(self) -> FloatArray:
        """[4, 4] pose of the stand in the operator's world: between the feet, on the floor, x ahead."""
        return _pose(middle(self._soles))

    @property
    def stand_from_world(self) -> FloatArray:
        """[4, 4] from the true world's coordinates to the stand's."""
        stand: FloatArray = np.linalg.inv(self.operator_from_stand) @ self._operator_from_world
        return stand

    def standing(self) -> WalkingPose:
        """Both feet down, the weight in the middle."""
        return _standing(self._soles)

    def off(self, place: FloatArray) -> tuple[float, float]:
        """Distance (m) and turn (rad) from the stand to a [3] place (x, y, yaw) of the true world."""
        x_m, y_m, yaw_rad = _place(self.stand_from_world @ _pose(place))
        return float(np.hypot(x_m, y_m)), abs(yaw_rad)

    def walk_to(self, place: FloatArray) -> Iterator[WalkingPose]:
        """The rows of a walk to a [3] place of the true world, and of a look at the feet after it."""
        goal = np.array(_place(self._operator_from_world @ _pose(place)))
        pattern = WalkingPattern(footsteps_to(goal, self._soles, self._gait), self._soles, self._gait)
        for row in range(1, round(pattern.duration_s * ROW_HZ) + 1):
            yield pattern.at(row / ROW_HZ)
        end = pattern.at(pattern.duration_s)
        self._soles = np.column_stack([end.sole_m[:, :2], end.sole_yaw_rad])
        yield from self._look()

    def _look(self) -> Iterator[WalkingPose]:
        """Let the feet stand to each other as they truly do."""
        seen = self._see()
        self._operator_from_world = self.operator_from_stand @ np.linalg.inv(_pose(middle(seen)))
        told = self._soles
        true = np.array([_place(self._operator_from_world @ _pose(sole)) for sole in seen])
        rows = round(_LOOK_S * ROW_HZ)
        for row in range(1, rows + 1):
            self._soles = told + smooth(row / rows) * (true - told)
            yield self.standing()


def _standing(soles: FloatArray) -> WalkingPose:
    return WalkingPose(np.column_stack([soles[:, :2], np.zeros(2)]), soles[:, 2], middle(soles)[:2])


def _pose(place: FloatArray) -> FloatArray:
    """[4, 4] pose on the floor at x, y, yaw."""
    pose = np.eye(4)
    pose[:3, :3] = matrix_from_yaw(float(place[2]))
    pose[:2, 3] = place[:2]
    return pose


def _place(pose: FloatArray) -> tuple[float, float, float]:
    """x, y, yaw of a [4, 4] pose on the floor; inverse of `_pose`."""
    return float(pose[0, 3]), float(pose[1, 3]), float(np.arctan2(pose[1, 0], pose[0, 0]))
