"""The simulated world of a session as the operator's page draws it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hlm.control.model import BodyModel
from hlm.control.walking_pattern import middle
from hlm.core.arrays import FloatArray
from hlm.core.rotations import planar_from_pose, pose_from_planar, roll_pitch_yaw_from_quat
from hlm.sim.operators.stance import sole_poses, true_configuration
from hlm.sim.shapes import shapes_beside
from hlm.sim.tasks.simulated_task import SimulatedTask
from hlm.teleop.page.page_view import PageView, ShownShape


class ShownWorld:
    """Where things truly are: the robot, its stance, furniture and objects.

    Args:
        task: in whose world they are.
    """

    def __init__(self, task: SimulatedTask) -> None:
        self._task = task
        self._model = BodyModel(task.robot.embodiment)

    def placed(self, view: PageView) -> PageView:
        """The view with the robot, its feet, furniture and objects where they truly are; what is wanted is nowhere."""
        position_m, quat_wxyz = self._task.robot.true_base()
        heading_rad = float(roll_pitch_yaw_from_quat(quat_wxyz)[2])
        measured = view.measured
        return replace(
            view,
            measured=None
            if measured is None
            else replace(measured, heading_rad=heading_rad, position_pelvis_in_world_m=position_m),
            pose_world_from_stance=self._pose_world_from_stance(),
            shapes=self._shapes(),
        )

    def _pose_world_from_stance(self) -> FloatArray:
        """[4, 4] on the floor midway between the feet, x ahead."""
        poses = sole_poses(self._model, true_configuration(self._task.robot))
        return pose_from_planar(middle(np.array([planar_from_pose(pose) for pose in poses])))

    def _shapes(self) -> tuple[ShownShape, ...]:
        return tuple(
            ShownShape(
                name=shape.name,
                kind=shape.kind,
                size_m=shape.size_m,
                position_m=_three(shape.position_m),
                quat_world_from_shape_wxyz=_four(shape.quat_world_from_shape_wxyz),
                rgb=shape.rgb,
                movable=shape.movable,
            )
            for shape in shapes_beside(self._task.world, self._task.robot)
        )


def _three(array: FloatArray) -> tuple[float, float, float]:
    return float(array[0]), float(array[1]), float(array[2])


def _four(array: FloatArray) -> tuple[float, float, float, float]:
    return float(array[0]), float(array[1]), float(array[2]), float(array[3])
