"""Checks of the values that cross a body: references and joint commands."""

from __future__ import annotations

from hlm.control.measurement import not_finite
from hlm.core.arrays import FloatArray
from hlm.core.layout import MOTOR_ORDER, NAMES
from hlm.core.values import JointCommand


def reference_fault(vector: FloatArray) -> str:
    """Why a [34] reference cannot be followed, naming up to three dimensions; empty when it can."""
    return not_finite("the reference", vector, NAMES)


def command_fault(command: JointCommand) -> str:
    """Why a joint command must not reach the motors; empty when it may."""
    return (
        not_finite("the commanded torque", command.torque_nm, MOTOR_ORDER)
        or not_finite("the commanded position", command.joint_position_rad, MOTOR_ORDER)
        or not_finite("the commanded velocity", command.joint_velocity_rad_s, MOTOR_ORDER)
        or not_finite("the commanded stiffness", command.kp_nm_rad, MOTOR_ORDER)
        or not_finite("the commanded damping", command.kd_nm_s_rad, MOTOR_ORDER)
        or not_finite("the commanded gripper opening", command.gripper_opening, ("left", "right"))
    )
