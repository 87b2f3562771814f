"""The joint command that only brakes."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.layout import JOINTS
from hlm.core.values import JointCommand


def damping_command(embodiment: Embodiment, stamp_ns: int, gripper_opening: FloatArray) -> JointCommand:
    """Motors that only brake, with the damping of the reference gains: no stiffness, no torque.

    Args:
        embodiment: whose motors.
        stamp_ns: instant of the command.
        gripper_opening: [2] left, right; grippers keep what they hold.
    """
    none = np.zeros(JOINTS)
    return JointCommand(
        stamp_ns=stamp_ns,
        joint_position_rad=embodiment.default_rad,
        joint_velocity_rad_s=none,
        kp_nm_rad=none,
        kd_nm_s_rad=np.array([joint.kd_nm_s_rad for joint in embodiment.joints]),
        torque_nm=none,
        gripper_opening=gripper_opening,
    )
