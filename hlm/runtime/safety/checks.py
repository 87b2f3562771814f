"""Checks of the values that cross a body: references, measurements, joint commands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import MismatchError
from hlm.core.layout import MOTOR_ORDER, NAMES
from hlm.core.rotations import must_be_unit
from hlm.core.values import JointCommand, RobotState


def reference_fault(vector: FloatArray) -> str:
    """Why a [34] reference cannot be followed, naming up to three dimensions; empty when it can."""
    return _not_finite("the reference", vector, NAMES)


def state_fault(state: RobotState) -> str:
    """Why nothing can balance on a measurement; empty when something can."""
    return (
        _not_finite("the measured position", state.joint_position_rad, MOTOR_ORDER)
        or _not_finite("the measured velocity", state.joint_velocity_rad_s, MOTOR_ORDER)
        or _not_finite("the measured orientation", state.quat_world_from_pelvis_wxyz, "wxyz")
        or _no_orientation(state.quat_world_from_pelvis_wxyz)
        or _not_finite("the measured angular velocity", state.angular_velocity_pelvis_in_pelvis_rad_s, "xyz")
        or _not_finite("the measured gripper opening", state.gripper_opening, ("left", "right"))
    )


def command_fault(command: JointCommand) -> str:
    """Why a joint command must not reach the motors; empty when it may."""
    return (
        _not_finite("the commanded torque", command.torque_nm, MOTOR_ORDER)
        or _not_finite("the commanded position", command.joint_position_rad, MOTOR_ORDER)
        or _not_finite("the commanded velocity", command.joint_velocity_rad_s, MOTOR_ORDER)
        or _not_finite("the commanded stiffness", command.kp_nm_rad, MOTOR_ORDER)
        or _not_finite("the commanded damping", command.kd_nm_s_rad, MOTOR_ORDER)
        or _not_finite("the commanded gripper opening", command.gripper_opening, ("left", "right"))
    )


def _no_orientation(quat_wxyz: FloatArray) -> str:
    """An inertial unit that has not started measures zeros."""
    try:
        must_be_unit(quat_wxyz, "the measured orientation")
    except MismatchError as error:
        return str(error).rstrip(".")
    return ""


def _not_finite(what: str, values: FloatArray, names: Sequence[str]) -> str:
    finite = np.isfinite(values)
    if finite.all():
        return ""
    bad = [names[index] for index in np.flatnonzero(~finite)]
    more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
    return f"{what} is not a number in {', '.join(bad[:3])}{more}"
