"""The joint command that only brakes."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.layout import JOINTS, MOTOR_LEGS_AND_WAIST
from hlm.core.values import JointCommand

# Of the damping of the reference gains, in legs and waist: with it once, a trunk folds and tips over before the legs
# have sunk. A drive that holds its torque for 2 ms keeps a bare rotor stable up to 4 (10 Hz, damping ratio 2). Arms
# stay soft, for what they hit.
_LEGS_AND_WAIST_SHARE = 3.0


def damping_command(embodiment: Embodiment, stamp_ns: int, gripper_opening: FloatArray) -> JointCommand:
    """Motors that only brake, without stiffness or torque: legs and waist more than the reference gains damp them.

    Args:
        embodiment: whose motors.
        stamp_ns: instant of the command.
        gripper_opening: [2] left, right; grippers keep what they hold.
    """
    none = np.zeros(JOINTS)
    damping = embodiment.kd_nm_s_rad.copy()
    damping[MOTOR_LEGS_AND_WAIST] *= _LEGS_AND_WAIST_SHARE
    return JointCommand(
        stamp_ns=stamp_ns,
        joint_position_rad=embodiment.default_rad,
        joint_velocity_rad_s=none,
        kp_nm_rad=none,
        kd_nm_s_rad=damping,
        torque_nm=none,
        gripper_opening=gripper_opening,
    )
