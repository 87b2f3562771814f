"""pin-pink behind the interface of `hlm.control.inverse_kinematics.WholeBodyIK`, for comparison."""

from __future__ import annotations

import numpy as np
import pink
import pinocchio as pin
from pink.limits import ConfigurationLimit, VelocityLimit
from pink.tasks import ComTask, FrameTask, PostureTask, Task

from hlm.control.inverse_kinematics import BodyTargets, IKConfig, PoseTarget
from hlm.control.model import BASE_DOFS, DOFS, BodyModel, Configuration, rotation_from_quat
from hlm.core.arrays import FloatArray
from hlm.core.layout import JOINTS, MOTOR_WAIST_PITCH, MOTOR_WAIST_ROLL

_FEED_IN = 1.0  # one iteration is one time unit


class _HeightTask(Task):
    """Height of the pelvis in the world, which none of the library's tasks is about."""

    def __init__(self, cost: float) -> None:
        super().__init__(cost=cost, gain=1.0, lm_damping=0.0)
        self.target_m = 0.0

    def compute_error(self, configuration: pink.Configuration) -> FloatArray:
        return np.array([configuration.data.oMi[1].translation[2] - self.target_m])

    def compute_jacobian(self, configuration: pink.Configuration) -> FloatArray:
        row = np.zeros((1, DOFS))
        row[0, :3] = configuration.data.oMi[1].rotation[2]
        return row

    def __repr__(self) -> str:
        return f"_HeightTask(cost={self.cost})"


class PinkSolver:
    """Iterations of `pink.solve_ik` with daqp.

    Args:
        model: the robot.
        config: weights and limits.
    """

    def __init__(self, model: BodyModel, config: IKConfig) -> None:
        self._config = config
        self._model = pin.Model(model.pin_model)
        self._model.names[1] = "root_joint"  # by this name the library finds the floating base
        self._model.lowerPositionLimit[7:] += config.limit_margin_rad
        self._model.upperPositionLimit[7:] -= config.limit_margin_rad
        self._model.velocityLimit[BASE_DOFS:] = config.max_step_rad / _FEED_IN
        self._limits = [ConfigurationLimit(self._model, config_limit_gain=1.0), VelocityLimit(self._model)]
        self._default_rad = model.embodiment.default_rad
        self._soles = [self._frame_task(f"{side}_sole", "sole") for side in ("left", "right")]
        self._grips = [self._frame_task(f"{side}_grip", "grip") for side in ("left", "right")]
        com_weight = config.com_weight_per_m
        self._com = ComTask(cost=[com_weight, com_weight, 0.0])
        self._height = _HeightTask(config.pelvis_height_weight_per_m)
        self._pelvis = FrameTask("pelvis", position_cost=0.0, orientation_cost=config.pelvis_rotation_weight_per_rad)
        posture_weights = np.full(JOINTS, config.posture_weight_per_rad)
        posture_weights[[MOTOR_WAIST_ROLL, MOTOR_WAIST_PITCH]] = config.waist_tilt_weight_per_rad
        self._posture = PostureTask(cost=1.0)
        self._posture.cost = posture_weights

    def solve(self, targets: BodyTargets, start: Configuration, iterations: int | None = None) -> Configuration:
        """The configuration after some iterations from `start` towards the targets."""
        vector = start.vector
        vector[7:] = np.clip(vector[7:], self._model.lowerPositionLimit[7:], self._model.upperPositionLimit[7:])
        configuration = pink.Configuration(self._model, self._model.createData(), vector)
        tasks = self._tasks(targets, vector)
        for _ in range(self._config.iterations if iterations is None else iterations):
            velocity = pink.solve_ik(
                configuration,
                tasks,
                _FEED_IN,
                solver="daqp",
                damping=self._config.damping_weight_per_rad**2,
                limits=self._limits,
                safety_break=False,
            )
            configuration.integrate_inplace(velocity, _FEED_IN)
        return Configuration.from_vector(configuration.q)

    def _frame_task(self, frame: str, part: str) -> FrameTask:
        position_weight = getattr(self._config, f"{part}_position_weight_per_m")
        rotation_weight = getattr(self._config, f"{part}_rotation_weight_per_rad")
        return FrameTask(frame, position_cost=position_weight, orientation_cost=rotation_weight)

    def _tasks(self, targets: BodyTargets, vector: FloatArray) -> list[Task]:
        tasks: list[Task] = [self._posture]
        posture_rad = self._default_rad if targets.joint_position_rad is None else targets.joint_position_rad
        self._posture.set_target(np.concatenate([vector[:7], posture_rad]))
        for part, frames, pair in (("sole", self._soles, targets.soles), ("grip", self._grips, targets.grips)):
            weight = getattr(self._config, f"{part}_rotation_weight_per_rad")
            for task, target in zip(frames, pair, strict=True):
                if target is not None:
                    task.set_orientation_cost(0.0 if target.quat_world_from_frame_wxyz is None else weight)
                    task.set_target(_se3(target))
                    tasks.append(task)
        if targets.com_position_in_world_m is not None:
            self._com.set_target(np.array([*targets.com_position_in_world_m, 0.0]))
            tasks.append(self._com)
        if targets.pelvis_height_m is not None:
            self._height.target_m = targets.pelvis_height_m
            tasks.append(self._height)
        if targets.quat_world_from_pelvis_wxyz is not None:
            self._pelvis.set_target(pin.SE3(rotation_from_quat(targets.quat_world_from_pelvis_wxyz), np.zeros(3)))
            tasks.append(self._pelvis)
        return tasks


def _se3(target: PoseTarget) -> pin.SE3:
    quat = target.quat_world_from_frame_wxyz
    return pin.SE3(np.eye(3) if quat is None else rotation_from_quat(quat), target.position_in_world_m)
