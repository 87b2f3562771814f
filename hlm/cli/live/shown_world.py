"""The simulated world of a session as the operator's page draws it."""

from __future__ import annotations

import numpy as np

from hlm.control.model import BodyModel
from hlm.control.walking_pattern import middle
from hlm.core.arrays import FloatArray
from hlm.core.rotations import planar_from_pose, pose_from_planar, roll_pitch_yaw_from_quat
from hlm.sim.operators.stance import sole_poses, true_configuration
from hlm.sim.shapes import shapes_beside
from hlm.sim.tasks.simulated_task import SimulatedTask
from hlm.teleop.page.page_view import ShownRobot, ShownShape


class ShownWorld:
    """Where things truly are: the robot, its stance, furniture and objects.

    Args:
        task: in whose world they are.
    """

    def __init__(self, task: SimulatedTask) -> None:
        self._task = task
        self._model = BodyModel(task.robot.embodiment)

    def measured(self, state: FloatArray) -> ShownRobot:
        """The robot with its [34] measured state."""
        position_m, _ = self._task.robot.true_base()
        return ShownRobot(vector=state, heading_rad=self._heading_rad(), position_pelvis_in_world_m=position_m)

    def wanted(self, vector: FloatArray) -> ShownRobot:
        """The robot as a [34] reference wants it, where it stands."""
        return ShownRobot(vector=vector, heading_rad=self._heading_rad())

    def pose_world_from_stance(self) -> FloatArray:
        """[4, 4] on the floor midway between the feet, x ahead."""
        poses = sole_poses(self._model, true_configuration(self._task.robot))
        return pose_from_planar(middle(np.array([planar_from_pose(pose) for pose in poses])))

    def shapes(self) -> tuple[ShownShape, ...]:
        """Furniture and objects."""
        return tuple(
            ShownShape(
                name=shape.name,
                kind=shape.kind,
                size_m=shape.size_m,
                position_m=_three(shape.position_m),
                quat_world_from_shape_wxyz=_four(shape.quat_world_from_shape_wxyz),
                rgb=shape.rgb,
            )
            for shape in shapes_beside(self._task.world, self._task.robot)
        )

    def _heading_rad(self) -> float:
        return float(roll_pitch_yaw_from_quat(self._task.robot.true_base()[1])[2])


def _three(array: FloatArray) -> tuple[float, float, float]:
    return float(array[0]), float(array[1]), float(array[2])


def _four(array: FloatArray) -> tuple[float, float, float, float]:
    return float(array[0]), float(array[1]), float(array[2]), float(array[3])
