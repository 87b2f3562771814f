"""Joint commands: torques of the whole-body QP with the gains of the motors' own loops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hlm.control.checks import require_positive
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.control.tracker.whole_body_qp import WholeBodySolution
from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.layout import JOINTS, MOTOR_ARMS, MOTOR_LEFT_WRIST, MOTOR_LEGS_AND_WAIST, MOTOR_RIGHT_WRIST
from hlm.core.values import JointCommand, RobotState


@dataclass(frozen=True, kw_only=True, slots=True)
class CommandConfig:
    """Gains of the motors' own loops.

    Attributes:
        leg_kd_nm_s_rad: legs and waist, which are driven by torque alone.
        arm_kp_nm_rad: shoulders and elbows; carries an unknown payload.
        arm_kd_nm_s_rad: shoulders and elbows.
        wrist_kp_nm_rad: wrists.
        wrist_kd_nm_s_rad: wrists.
    """

    leg_kd_nm_s_rad: float = 1.0
    arm_kp_nm_rad: float = 40.0
    arm_kd_nm_s_rad: float = 1.5
    wrist_kp_nm_rad: float = 20.0
    wrist_kd_nm_s_rad: float = 0.5

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)


class JointCommander:
    """Makes the joint commands of an embodiment.

    Args:
        embodiment: the robot, with its joint and torque limits.
        config: gains.
    """

    def __init__(self, embodiment: Embodiment, config: CommandConfig) -> None:
        self._embodiment = embodiment
        self._kp, self._kd = np.zeros(JOINTS), np.full(JOINTS, config.leg_kd_nm_s_rad)
        self._kp[MOTOR_ARMS], self._kd[MOTOR_ARMS] = config.arm_kp_nm_rad, config.arm_kd_nm_s_rad
        for wrist in (MOTOR_LEFT_WRIST, MOTOR_RIGHT_WRIST):
            self._kp[wrist], self._kd[wrist] = config.wrist_kp_nm_rad, config.wrist_kd_nm_s_rad

    def command(
        self, state: RobotState, sample: ReferenceSample, solution: WholeBodySolution | None, dt_s: float | None
    ) -> JointCommand:
        """The command of one tick.

        Args:
            state: measured state.
            sample: the reference, for joint positions, arm velocities and grippers.
            solution: last solution of the QP; None sends no torque.
            dt_s: time over which legs and waist accelerate as solved; None damps them, for a solution of a tick before.
        """
        position_rad: FloatArray = np.clip(
            sample.joint_position_rad, self._embodiment.lower_rad, self._embodiment.upper_rad
        )
        velocity_rad_s = sample.joint_velocity_rad_s.copy()
        velocity_rad_s[MOTOR_LEGS_AND_WAIST] = 0.0
        torque_nm: FloatArray = np.zeros(JOINTS)
        if solution is not None:
            limit_nm = self._embodiment.effort_nm
            torque_nm = np.clip(solution.joint_torque_nm, -limit_nm, limit_nm)
            if dt_s is not None:
                next_rad_s = state.joint_velocity_rad_s + solution.joint_acceleration_rad_s2 * dt_s
                velocity_rad_s[MOTOR_LEGS_AND_WAIST] = next_rad_s[MOTOR_LEGS_AND_WAIST]
        return JointCommand(
            stamp_ns=state.stamp_ns,
            joint_position_rad=position_rad,
            joint_velocity_rad_s=velocity_rad_s,
            kp_nm_rad=self._kp,
            kd_nm_s_rad=self._kd,
            torque_nm=torque_nm,
            gripper_opening=np.clip(sample.gripper_opening, 0.0, 1.0),
        )
