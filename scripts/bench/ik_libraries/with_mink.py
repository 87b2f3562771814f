"""mink behind the interface of `hlm.control.inverse_kinematics.WholeBodyIK`, for comparison."""

from __future__ import annotations

import mink
import mujoco
import numpy as np

from hlm.control.inverse_kinematics import BodyTargets, IKConfig, PoseTarget
from hlm.control.model import BASE_DOFS, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.layout import MOTOR_ORDER, MOTOR_WAIST_PITCH, MOTOR_WAIST_ROLL
from hlm.sim.robot_model import add_robot

_FEED_IN = 1.0  # one iteration is one time unit


class _HeightTask(mink.Task):
    """Height of the pelvis in the world, which none of the library's tasks is about."""

    def __init__(self, cost: float, body: int) -> None:
        super().__init__(cost=np.array([cost]))
        self._body = body
        self.target_m = 0.0

    def compute_error(self, configuration: mink.Configuration) -> FloatArray:
        return np.array([configuration.data.xpos[self._body, 2] - self.target_m])

    def compute_jacobian(self, configuration: mink.Configuration) -> FloatArray:
        row = np.zeros((1, configuration.nv))
        row[0, 2] = 1.0
        return row


class MinkSolver:
    """Iterations of `mink.solve_ik` with daqp.

    Args:
        embodiment: the robot.
        config: weights and limits.
    """

    def __init__(self, embodiment: Embodiment, config: IKConfig) -> None:
        self._config = config
        self._default_rad = embodiment.default_rad
        self._model = compiled(embodiment)
        self._addresses = np.array([self._model.joint(name).qposadr[0] for name in MOTOR_ORDER])
        self._configuration = mink.Configuration(self._model)
        margin_rad = config.limit_margin_rad
        self._lower_rad, self._upper_rad = embodiment.lower_rad + margin_rad, embodiment.upper_rad - margin_rad
        self._limits = [
            mink.ConfigurationLimit(self._model, gain=1.0, min_distance_from_limits=margin_rad),
            mink.VelocityLimit(self._model, dict.fromkeys(MOTOR_ORDER, np.array([config.max_step_rad / _FEED_IN]))),
        ]
        self._soles = [self._frame_task(f"{side}_sole", "sole") for side in ("left", "right")]
        self._grips = [self._frame_task(f"{side}_grip", "grip") for side in ("left", "right")]
        com_weight = config.com_weight_per_m
        self._com = mink.ComTask(cost=np.array([com_weight, com_weight, 0.0]))
        self._height = _HeightTask(config.pelvis_height_weight_per_m, self._model.body("pelvis").id)
        self._pelvis = mink.FrameTask(
            "pelvis", "body", position_cost=0.0, orientation_cost=config.pelvis_rotation_weight_per_rad
        )
        weights = np.zeros(self._model.nv)
        dofs = np.array([self._model.joint(name).dofadr[0] for name in MOTOR_ORDER])
        weights[dofs] = config.posture_weight_per_rad
        weights[dofs[[MOTOR_WAIST_ROLL, MOTOR_WAIST_PITCH]]] = config.waist_tilt_weight_per_rad
        self._posture = mink.PostureTask(self._model, cost=weights)

    def solve(self, targets: BodyTargets, start: Configuration, iterations: int | None = None) -> Configuration:
        """The configuration after some iterations from `start` towards the targets."""
        joints_rad = np.clip(start.joint_position_rad, self._lower_rad, self._upper_rad)
        position = self._position(start.position_pelvis_in_world_m, start.quat_world_from_pelvis_wxyz, joints_rad)
        configuration = self._configuration
        configuration.update(position)
        tasks = self._tasks(targets, position)
        for _ in range(self._config.iterations if iterations is None else iterations):
            velocity = mink.solve_ik(
                configuration,
                tasks,
                _FEED_IN,
                solver="daqp",
                damping=self._config.damping_weight_per_rad**2,
                limits=self._limits,
            )
            configuration.integrate_inplace(velocity, _FEED_IN)
        return Configuration(
            position_pelvis_in_world_m=configuration.q[:3],
            quat_world_from_pelvis_wxyz=configuration.q[3:7],
            joint_position_rad=configuration.q[self._addresses],
        )

    def _position(self, pelvis_m: FloatArray, quat_wxyz: FloatArray, joints_rad: FloatArray) -> FloatArray:
        position = np.zeros(self._model.nq)
        position[:3], position[3:7], position[self._addresses] = pelvis_m, quat_wxyz, joints_rad
        return position

    def _frame_task(self, site: str, part: str) -> mink.FrameTask:
        position_weight = getattr(self._config, f"{part}_position_weight_per_m")
        rotation_weight = getattr(self._config, f"{part}_rotation_weight_per_rad")
        return mink.FrameTask(site, "site", position_cost=position_weight, orientation_cost=rotation_weight)

    def _tasks(self, targets: BodyTargets, position: FloatArray) -> list[mink.Task]:
        tasks: list[mink.Task] = [self._posture]
        posture_rad = self._default_rad if targets.joint_position_rad is None else targets.joint_position_rad
        self._posture.set_target(self._position(position[:3], position[3:7], posture_rad))
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
            self._pelvis.set_target(mink.SE3(np.concatenate([targets.quat_world_from_pelvis_wxyz, np.zeros(3)])))
            tasks.append(self._pelvis)
        return tasks


def compiled(embodiment: Embodiment) -> mujoco.MjModel:
    """The simulator's model with fixed fingers and with sites at the sole centres: the same degrees of freedom."""
    spec = mujoco.MjSpec()
    add_robot(spec, embodiment)
    fingers = [joint for joint in spec.joints if joint.type == mujoco.mjtJoint.mjJNT_SLIDE]
    for element in [*spec.actuators, *spec.tendons, *spec.equalities, *fingers]:
        spec.delete(element)
    for side, link in zip(("left", "right"), embodiment.sole_links, strict=True):
        spec.body(link).add_site(name=f"{side}_sole", pos=np.mean(embodiment.sole_corners_m, axis=0))
    model = spec.compile()
    if model.nv != BASE_DOFS + len(MOTOR_ORDER):
        raise RuntimeError(f"expected {BASE_DOFS + len(MOTOR_ORDER)} degrees of freedom, got {model.nv}.")
    return model


def _se3(target: PoseTarget) -> mink.SE3:
    quat = target.quat_world_from_frame_wxyz
    return mink.SE3(np.concatenate([[1.0, 0.0, 0.0, 0.0] if quat is None else quat, target.position_in_world_m]))
