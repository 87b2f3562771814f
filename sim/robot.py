"""The simulated robot: motors under the joint command's PD law, and the sensors that the real one has."""

from __future__ import annotations

import mujoco
import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.values import JointCommand, RobotState
from hlm.sim.world import World


class SimulatedRobot:
    """A robot in a `World`; implements `hlm.core.protocols.Robot`.

    Args:
        world: the world, whose model was made with `hlm.sim.robot_model.add_robot`.
        embodiment: the same table that the model was made from.
    """

    def __init__(self, world: World, embodiment: Embodiment) -> None:
        self._world = world
        self._embodiment = embodiment
        model = world.model
        self._base = int(model.joint("base").qposadr[0])
        self._base_velocity = int(model.joint("base").dofadr[0])
        # Fingers hang between the joints of the table: MuJoCo numbers depth first.
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

    def __enter__(self) -> SimulatedRobot:
        """Take over the motors."""
        self._world.drive(self._actuate)
        return self

    def __exit__(self, *exception: object) -> None:
        """Let go of the motors: no torque, grippers where they were told to be."""
        self._release()

    def place(self, position_m: FloatArray, quat_wxyz: FloatArray, joint_position_rad: FloatArray) -> None:
        """Put the robot somewhere at rest, grippers open; for the start of an episode.

        Args:
            position_m: [3] of the pelvis in the world.
            quat_wxyz: [4] of the pelvis in the world.
            joint_position_rad: [29] motor order.
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
        """What encoders, inertial unit and grippers measure now."""
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
        """Hold this command until the next one."""
        self._command = command
        self._world.data.ctrl[self._grippers] = np.clip(command.gripper_opening, 0.0, 1.0) * self._strokes_m

    def _release(self) -> None:
        self._command = None
        self._world.data.ctrl[self._motors] = 0.0

    def _actuate(self) -> None:
        """PD law of the motor drives, evaluated at every physics step; MuJoCo clips to the effort limits."""
        command, data = self._command, self._world.data
        if command is None:
            return
        data.ctrl[self._motors] = (
            command.torque_nm
            + command.kp_nm_rad * (command.joint_position_rad - data.qpos[self._positions])
            + command.kd_nm_s_rad * (command.joint_velocity_rad_s - data.qvel[self._velocities])
        )

    def true_base(self) -> tuple[FloatArray, FloatArray]:
        """[3] true position, m, and [4] wxyz orientation of the pelvis; for operators and scoring, never control."""
        qpos = self._world.data.qpos
        return np.array(qpos[self._base : self._base + 3]), np.array(qpos[self._base + 3 : self._base + 7])

    def pelvis_height_m(self) -> float:
        """True height of the pelvis; for scoring, never for control."""
        return float(self._world.data.qpos[self._base + 2])

    def upright(self) -> float:
        """Cosine of the true angle between the pelvis' z axis and the vertical; for scoring, never for control."""
        matrix = np.empty(9)
        mujoco.mju_quat2Mat(matrix, self._world.data.qpos[self._base + 3 : self._base + 7])
        return float(matrix[8])
