"""mink behind the interface of `hlm.teleop.keypoints.keypoint_ik.KeypointIK`, for comparison."""

from __future__ import annotations

import mink
import numpy as np
import pinocchio as pin
from ik_libraries.with_mink import compiled

from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.layout import MOTOR_ORDER, MOTOR_WAIST_PITCH, MOTOR_WAIST_ROLL
from hlm.core.rotations import quat_from_matrix
from hlm.teleop.keypoints.keypoint_ik_config import KeypointIKConfig
from hlm.teleop.keypoints.named_points import SIDES
from hlm.teleop.keypoints.robot_targets import RobotTargets

_DETECTION_M = 0.1
_ARM = ("elbow", "wrist_roll", "palm", "finger_left", "finger_right")


class MinkKeypointIK:
    """Iterations of `mink.solve_ik` with daqp: the same targets, weights, damping, limits of joints and speeds.

    mink does not shorten long errors. A grip whose turn is unknown gets the orientation nearest to the last one.

    Args:
        model: the robot.
        config: weights and limits.
        collisions: with mink's own avoidance of collisions, of the same shapes.
    """

    def __init__(self, model: BodyModel, config: KeypointIKConfig, *, collisions: bool) -> None:
        self._config, self._collisions = config, collisions
        embodiment = model.embodiment
        self._model = compiled(embodiment)
        self._addresses = np.array([self._model.joint(name).qposadr[0] for name in MOTOR_ORDER])
        self._configuration = mink.Configuration(self._model)
        margin_rad = config.limit_margin_rad
        self._lower_rad, self._upper_rad = embodiment.lower_rad + margin_rad, embodiment.upper_rad - margin_rad
        joint_limit = mink.ConfigurationLimit(self._model, gain=1.0, min_distance_from_limits=margin_rad)
        speeds = dict(zip(MOTOR_ORDER, (config.joint_speed_share * embodiment.velocity_rad_s)[:, None], strict=True))
        self._free = [joint_limit]
        self._limits = [joint_limit, mink.VelocityLimit(self._model, speeds)]
        if collisions:
            self._free.append(self._collision_limit())
            self._limits.append(self._free[-1])
        self._tasks_of_frames(config)
        weights = np.zeros(self._model.nv)
        dofs = np.array([self._model.joint(name).dofadr[0] for name in MOTOR_ORDER])
        weights[dofs] = config.posture_weight_per_rad
        weights[dofs[[MOTOR_WAIST_ROLL, MOTOR_WAIST_PITCH]]] = config.waist_tilt_weight_per_rad
        self._posture = mink.PostureTask(self._model, cost=weights)
        self._default_rad = embodiment.default_rad

    def solve(
        self, targets: RobotTargets, previous: Configuration, dt_s: float | None, iterations: int | None = None
    ) -> Configuration:
        """The configuration of this frame; see `KeypointIK.solve`."""
        joints_rad = np.clip(previous.joint_position_rad, self._lower_rad, self._upper_rad)
        configuration = self._configuration
        position = np.zeros(self._model.nq)
        position[:3], position[3:7] = previous.position_pelvis_in_world_m, previous.quat_world_from_pelvis_wxyz
        position[self._addresses] = joints_rad
        configuration.update(position)
        tasks = self._tasks(targets, position)
        count = self._config.iterations if iterations is None else iterations
        step_s = 1.0 if dt_s is None else dt_s / count
        for _ in range(count):
            velocity = mink.solve_ik(
                configuration,
                tasks,
                step_s,
                solver="daqp",
                damping=self._config.damping_weight_per_rad**2,
                limits=self._free if dt_s is None else self._limits,
            )
            configuration.integrate_inplace(velocity, step_s)
        return Configuration(
            position_pelvis_in_world_m=configuration.q[:3],
            quat_world_from_pelvis_wxyz=configuration.q[3:7],
            joint_position_rad=configuration.q[self._addresses],
        )

    def _tasks_of_frames(self, config: KeypointIKConfig) -> None:
        def task(name: str, kind: str, per_m: float, per_rad: float) -> mink.FrameTask:
            return mink.FrameTask(name, kind, position_cost=per_m, orientation_cost=per_rad)

        sole = (config.sole_position_weight_per_m, config.sole_rotation_weight_per_rad)
        grip = (config.grip_position_weight_per_m, config.grip_rotation_weight_per_rad)
        self._soles = [task(f"{side}_sole", "site", *sole) for side in SIDES]
        self._grips = [task(f"{side}_grip", "site", *grip) for side in SIDES]
        self._elbows = [task(f"{side}_elbow", "body", config.elbow_weight_per_m, 0.0) for side in SIDES]
        self._torso = task("waist_pitch", "body", 0.0, config.torso_weight_per_rad)
        pelvis = (config.pelvis_position_weight_per_m, config.pelvis_rotation_weight_per_rad)
        self._pelvis = task("pelvis", "body", *pelvis)

    def _tasks(self, targets: RobotTargets, position: FloatArray) -> list[mink.Task]:
        config = self._config
        posture = position.copy()
        posture[self._addresses] = self._default_rad
        self._posture.set_target(posture)
        tasks: list[mink.Task] = [self._posture, self._torso, self._pelvis, *self._soles, *self._grips]
        self._torso.set_target(_pose(np.zeros(3), targets.torso))
        self._pelvis.set_target(_pose(targets.pelvis_m, targets.pelvis))
        for side in (0, 1):
            factor = config.standing_factor if targets.stands[side] else 1.0
            self._soles[side].set_position_cost(factor * config.sole_position_weight_per_m)
            self._soles[side].set_orientation_cost(factor * config.sole_rotation_weight_per_rad)
            self._soles[side].set_target(_pose(targets.soles_m[side], targets.soles[side]))
            rotation = targets.grips[side]
            if not targets.grip_turns[side]:
                now = self._configuration.get_transform_frame_to_world(f"{SIDES[side]}_grip", "site")
                rotation = _turned(now.rotation().as_matrix(), rotation[:, 0])
            self._grips[side].set_target(_pose(targets.grips_m[side], rotation))
            if np.isfinite(targets.elbows_m[side]).all():
                self._elbows[side].set_target(_pose(targets.elbows_m[side], np.eye(3)))
                tasks.append(self._elbows[side])
        return tasks

    def _collision_limit(self) -> mink.CollisionAvoidanceLimit:
        """Forearms and grippers against trunk, legs and each other, and one leg against the other."""
        # mink leaves out what MuJoCo would; nothing is simulated here.
        self._model.geom_contype[:] = self._model.geom_conaffinity[:] = 1

        def geoms(bodies: tuple[str, ...]) -> list[int]:
            ids = [self._model.body(name).id for name in bodies]
            return [geom for geom in range(self._model.ngeom) if self._model.geom_bodyid[geom] in ids]

        arms = [geoms(tuple(f"{side}_{name}" for name in _ARM)) for side in SIDES]
        legs = [geoms(tuple(f"{side}_{name}" for name in ("hip_roll", "hip_yaw", "knee"))) for side in SIDES]
        trunk = geoms(("pelvis", "waist_pitch"))
        pairs = [(arm, [*trunk, *legs[0], *legs[1]]) for arm in arms]
        return mink.CollisionAvoidanceLimit(
            self._model,
            [*pairs, (arms[0], arms[1]), (legs[0], legs[1])],
            minimum_distance_from_collisions=self._config.self_distance_m or 0.0,
            collision_detection_distance=_DETECTION_M,
        )


def _pose(place_m: FloatArray, rotation: FloatArray) -> mink.SE3:
    return mink.SE3(np.concatenate([quat_from_matrix(rotation), place_m]))


def _turned(rotation: FloatArray, wanted: FloatArray) -> FloatArray:
    """[3, 3] the rotation, turned the shortest way until its x axis is the wanted one."""
    return np.asarray(pin.Quaternion.FromTwoVectors(rotation[:, 0], wanted).toRotationMatrix() @ rotation)
