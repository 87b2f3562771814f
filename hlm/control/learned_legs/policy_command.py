"""Joint commands of a body whose legs a policy has."""

from __future__ import annotations

import numpy as np

from hlm.control.tracker.command import CommandConfig
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.layout import MOTOR_ARMS, MOTOR_LEFT_WRIST, MOTOR_LEGS_AND_WAIST, MOTOR_RIGHT_WRIST
from hlm.core.values import JointCommand


class PolicyCommander:
    """Legs and waist go where the policy wants them, arms and grippers where the reference does.

    Args:
        embodiment: the robot; the policy was trained with the stiffness and damping of its table.
        config: gains of the arms.
    """

    def __init__(self, embodiment: Embodiment, config: CommandConfig) -> None:
        self._embodiment = embodiment
        self._kp, self._kd = embodiment.kp_nm_rad.copy(), embodiment.kd_nm_s_rad.copy()
        self._kp[MOTOR_ARMS], self._kd[MOTOR_ARMS] = config.arm_kp_nm_rad, config.arm_kd_nm_s_rad
        for wrist in (MOTOR_LEFT_WRIST, MOTOR_RIGHT_WRIST):
            self._kp[wrist], self._kd[wrist] = config.wrist_kp_nm_rad, config.wrist_kd_nm_s_rad

    def command(
        self, stamp_ns: int, sample: ReferenceSample, target_rad: FloatArray, arm_torque_nm: FloatArray
    ) -> JointCommand:
        """The command of one tick.

        Args:
            stamp_ns: of the measurement.
            sample: the reference.
            target_rad: [29] what the policy wants.
            arm_torque_nm: [14] torques that carry the arms.
        """
        legs, embodiment = MOTOR_LEGS_AND_WAIST, self._embodiment
        wanted_rad, velocity_rad_s = sample.joint_position_rad.copy(), sample.joint_velocity_rad_s.copy()
        wanted_rad[legs], velocity_rad_s[legs] = target_rad[legs], 0.0
        position_rad: FloatArray = np.clip(wanted_rad, embodiment.lower_rad, embodiment.upper_rad)
        # A target beyond a limit is how the policy asks for torque there.
        torque_nm = self._kp * (wanted_rad - position_rad)
        torque_nm[MOTOR_ARMS] = arm_torque_nm
        return JointCommand(
            stamp_ns=stamp_ns,
            joint_position_rad=position_rad,
            joint_velocity_rad_s=velocity_rad_s,
            kp_nm_rad=self._kp,
            kd_nm_s_rad=self._kd,
            torque_nm=np.clip(torque_nm, -embodiment.effort_nm, embodiment.effort_nm),
            gripper_opening=np.clip(sample.gripper_opening, 0.0, 1.0),
        )
