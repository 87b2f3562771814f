"""What stands between a reference source and the motors: limits on references, checks, and the braking command."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.errors import MismatchError
from hlm.core.layout import JOINTS, MOTOR_ORDER, NAMES, pack
from hlm.core.rotations import must_be_unit
from hlm.core.values import JointCommand, RobotState
from hlm.core.yaw_rate import MAX_YAW_RATE_RAD_S

MAX_TILT_RAD = 0.9
MAX_TILT_SPEED_RAD_S = 3.0
MAX_GRIPPER_SPEED_PER_S = 8.0
MAX_YAW_ACCELERATION_RAD_S2 = 20.0
# A share of the motors' top speed: what a person's limbs do, far from what motors can do.
JOINT_SPEED_SHARE = 0.3


class ReferenceLimits:
    """Range and speed limits of a robot's references.

    Args:
        embodiment: whose joint limits hold.
    """

    def __init__(self, embodiment: Embodiment) -> None:
        tilt = [MAX_TILT_RAD, MAX_TILT_RAD, MAX_YAW_RATE_RAD_S]
        self._lower = pack(embodiment.lower_rad, np.zeros(2), -np.array(tilt))
        self._upper = pack(embodiment.upper_rad, np.ones(2), np.array(tilt))
        root_speed = np.array([MAX_TILT_SPEED_RAD_S, MAX_TILT_SPEED_RAD_S, MAX_YAW_ACCELERATION_RAD_S2])
        grippers = np.full(2, MAX_GRIPPER_SPEED_PER_S)
        self._speed = pack(JOINT_SPEED_SHARE * embodiment.velocity_rad_s, grippers, root_speed)

    def limited(self, wanted: FloatArray, previous: FloatArray, dt_s: float) -> FloatArray:
        """The nearest reference inside the ranges that can be reached from the previous one in time.

        Args:
            wanted: [34] what the source asks for.
            previous: [34] the last reference that was let through.
            dt_s: time between the two, > 0.

        Returns:
            [34] reference to play; finite if both are.
        """
        inside = np.clip(wanted, self._lower, self._upper)
        reach = self._speed * dt_s
        return previous + np.clip(inside - previous, -reach, reach)


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
