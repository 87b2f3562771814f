"""Checks of what a robot measures about itself: numbers, an orientation, and nothing that no robot could measure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.errors import MismatchError
from hlm.core.layout import MOTOR_ORDER
from hlm.core.rotations import must_be_unit
from hlm.core.values import RobotState

_BEYOND_LIMIT_RAD = 1.0  # joints have stops; a blow bends them by hundredths
_TOP_SPEEDS = 10.0  # a robot that falls reaches 3 for an instant
_MAX_RAD_S = 35.0  # of gyroscopes whose range is 2000 degrees/s, such as in most robots


def state_fault(state: RobotState, embodiment: Embodiment) -> str:
    """Why nothing can balance on a measurement; empty when something can.

    Args:
        state: the measurement.
        embodiment: the robot's table.
    """
    return (
        not_finite("the measured position", state.joint_position_rad, MOTOR_ORDER)
        or not_finite("the measured velocity", state.joint_velocity_rad_s, MOTOR_ORDER)
        or not_finite("the measured orientation", state.quat_world_from_pelvis_wxyz, "wxyz")
        or _no_orientation(state.quat_world_from_pelvis_wxyz)
        or not_finite("the measured angular velocity", state.angular_velocity_pelvis_in_pelvis_rad_s, "xyz")
        or not_finite("the measured gripper opening", state.gripper_opening, ("left", "right"))
        or _impossible(state, embodiment)
    )


def not_finite(what: str, values: FloatArray, names: Sequence[str]) -> str:
    """Which values are not numbers, naming up to three of them; empty when all are."""
    finite = np.isfinite(values)
    if finite.all():
        return ""
    bad = [names[index] for index in np.flatnonzero(~finite)]
    more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
    return f"{what} is not a number in {', '.join(bad[:3])}{more}"


def _no_orientation(quat_wxyz: FloatArray) -> str:
    """An inertial unit that has not started measures zeros."""
    try:
        must_be_unit(quat_wxyz, "the measured orientation")
    except MismatchError as error:
        return str(error).rstrip(".")
    return ""


def _impossible(state: RobotState, embodiment: Embodiment) -> str:
    """Numbers that come of a broken encoder, gyroscope or link."""
    position_rad, lower_rad, upper_rad = state.joint_position_rad, embodiment.lower_rad, embodiment.upper_rad
    outside_rad = np.maximum(lower_rad - position_rad, position_rad - upper_rad)
    if outside_rad.max() > _BEYOND_LIMIT_RAD:
        worst = int(outside_rad.argmax())
        return (
            f"the measured position of {MOTOR_ORDER[worst]} is {position_rad[worst]:.4g} rad, far outside of "
            f"{lower_rad[worst]:.4g} to {upper_rad[worst]:.4g}"
        )
    share = np.abs(state.joint_velocity_rad_s) / embodiment.velocity_rad_s
    if share.max() > _TOP_SPEEDS:
        worst = int(share.argmax())
        found = f"{MOTOR_ORDER[worst]} is {state.joint_velocity_rad_s[worst]:.4g} rad/s"
        return f"the measured velocity of {found}, more than {_TOP_SPEEDS:g} times its top speed"
    turning_rad_s = np.abs(state.angular_velocity_pelvis_in_pelvis_rad_s)
    if turning_rad_s.max() > _MAX_RAD_S:
        worst = int(turning_rad_s.argmax())
        found = f"{'xyz'[worst]} is {state.angular_velocity_pelvis_in_pelvis_rad_s[worst]:.4g} rad/s"
        return f"the measured angular velocity in {found}, more than {_MAX_RAD_S:g}"
    return ""
