"""The simulated robot: motors under the PD law of the joint command, and the sensors of the real robot."""

from __future__ import annotations

from types import TracebackType
from typing import Self

import mujoco
import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.values import JointCommand, RobotState
from hlm.sim.world import World


class SimulatedRobot:
    """A robot in a `World`; implements `hlm.core.protocols.Robot`.

    Args:
        world: a world whose model was built with `hlm.sim.robot_model.add_robot`.
        embodiment: the embodiment that the model was built from.
    """

    def __init__(self, world: World, embodiment: Embodiment) -> None:
        self._world = world
        self.embodiment = embodiment
        model = world.model
        self._base = int(model.joint("base").qposadr[0])
        self._base_velocity = int(model.joint("base").dofadr[0])
        self._pelvis = int(model.jnt_bodyid[model.joint("base").id])
        self._torso = model.body(embodiment.torso_link).id
        # MuJoCo numbers joints depth first, so that fingers come between the joints of the embodiment.
        self._positions = np.array([int(model.joint(joint.name).qposadr[0]) for joint in embodiment.joints])
        self._velocities = np.array([int(model.joint(joint.name).dofadr[0]) for joint in embodiment.joints])
        self._motors = np.array([model.actuator(joint.name).id for joint in embodiment.joints])
        sides = [gripper.side for gripper in embodiment.grippers]
        self._grippers = np.array([model.actuator(f"{side}_gripper").id for side in sides])
        self._fingers = np.array(
            [[int(model.joint(f"{side}_finger_{name}").qposadr[0]) for name in ("left", "right")] for side in sides]
        )
        self._strokes_m = np.array([gripper.finger_stroke_m for gripper in embodiment.grippers])
        self._command: JointCommand | None = None

    def __enter__(self) -> Self:
        """Take control of the motors."""
        self._world.before_step(self._actuate)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the motors: no joint torque; the grippers hold their last command."""
        self._release()
        self._world.before_step(None)

    def place(self, position_m: FloatArray, quat_wxyz: FloatArray, joint_position_rad: FloatArray) -> None:
        """Put the robot at rest with open grippers and no torque, for the start of an episode.

        Args:
            position_m: [3] pelvis position in the world.
            quat_wxyz: [4] pelvis orientation in the world.
            joint_position_rad: [29] joint angles in motor order.
        """
        data = self._world.data
        data.qpos[self._base : self._base + 3] = position_m
        data.qpos[self._base + 3 : self._base + 7] = quat_wxyz
        data.qpos[self._positions] = joint_position_rad
        data.qpos[self._fingers] = self._strokes_m[:, None]
        data.qvel[self._base_velocity : self._base_velocity + 6] = 0.0
        data.qvel[self._velocities] = 0.0
        data.ctrl[self._grippers] = self._strokes_m
        self._release()

    def read(self) -> RobotState:
        """Measure joints, inertial unit and grippers now.

        Raises:
            SimulationError: the world blew up; a body takes that for a robot that does not answer.
        """
        self._world.check()
        data = self._world.data
        return RobotState(
            stamp_ns=self._world.now_ns(),
            joint_position_rad=data.qpos[self._positions],
            joint_velocity_rad_s=data.qvel[self._velocities],
            quat_world_from_pelvis_wxyz=data.qpos[self._base + 3 : self._base + 7],
            angular_velocity_pelvis_in_pelvis_rad_s=data.qvel[self._base_velocity + 3 : self._base_velocity + 6],
            gripper_opening=data.qpos[self._fingers].mean(axis=1) / self._strokes_m,
        )

    def command(self, command: JointCommand) -> None:
        """Apply this command until the next one."""
        self._command = command
        self._world.data.ctrl[self._grippers] = np.clip(command.gripper_opening, 0.0, 1.0) * self._strokes_m

    def push(self, force_in_world_n: FloatArray, torque_in_world_nm: FloatArray) -> None:
        """Pull and turn the pelvis from outside, until the next call: [3] and [3]."""
        self._world.data.xfrc_applied[self._pelvis] = np.concatenate((force_in_world_n, torque_in_world_nm))

    def pull(self, point_in_torso_m: FloatArray, force_in_world_n: FloatArray) -> None:
        """Pull at a [3] point of the torso from outside with a [3] force, until the next call."""
        data = self._world.data
        arm_m = self.torso_point_m(point_in_torso_m) - data.xipos[self._torso]
        data.xfrc_applied[self._torso] = np.concatenate((force_in_world_n, np.cross(arm_m, force_in_world_n)))

    def torso_point_m(self, point_in_torso_m: FloatArray) -> FloatArray:
        """[3] true place in the world of a [3] point of the torso, at the beginning of the last step."""
        data = self._world.data
        place_m: FloatArray = data.xpos[self._torso] + data.xmat[self._torso].reshape(3, 3) @ point_in_torso_m
        return place_m

    def motor_torque_nm(self) -> FloatArray:
        """[29] torques that the motors gave in the last step, motor order."""
        return np.array(self._world.data.actuator_force[self._motors])

    def torso_orientation(self) -> FloatArray:
        """[4] wxyz orientation of the torso in the world, at the beginning of the last step."""
        return np.array(self._world.data.xquat[self._torso])

    def _release(self) -> None:
        self._command = None
        self._world.data.ctrl[self._motors] = 0.0

    def _actuate(self) -> None:
        """Apply the PD law of the motor drives; MuJoCo clips the torques to the effort limits."""
        command, data = self._command, self._world.data
        if command is None:
            return
        data.ctrl[self._motors] = (
            command.torque_nm
            + command.kp_nm_rad * (command.joint_position_rad - data.qpos[self._positions])
            + command.kd_nm_s_rad * (command.joint_velocity_rad_s - data.qvel[self._velocities])
        )

    # The true state of the pelvis is for scripted operators and scoring, never for control.

    @property
    def root_body(self) -> int:
        """Number of the pelvis' body in the world's model, which all of the robot's bodies hang on."""
        return self._pelvis

    def true_base(self) -> tuple[FloatArray, FloatArray]:
        """[3] true position (m) and [4] wxyz orientation of the pelvis in the world."""
        qpos = self._world.data.qpos
        return np.array(qpos[self._base : self._base + 3]), np.array(qpos[self._base + 3 : self._base + 7])

    def pelvis_height_m(self) -> float:
        """True height of the pelvis above the ground."""
        return float(self._world.data.qpos[self._base + 2])

    def pelvis_uprightness(self) -> float:
        """Cosine of the true angle between the z axis of the pelvis and the vertical."""
        matrix = np.empty(9)
        mujoco.mju_quat2Mat(matrix, self._world.data.qpos[self._base + 3 : self._base + 7])
        return float(matrix[8])
