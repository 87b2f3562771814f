"""What the messages of a Unitree G1 say, as values of the contract and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.layout import JOINTS
from hlm.core.values import JointCommand, RobotState


def arrived(low: Any) -> bool:
    """Whether a `LowState` holds a message: before the first one, the binding gives zeros."""
    return any(low.imu.quat)


def content(low: Any) -> tuple[Any, ...]:
    """What changes from one message of a live robot to the next, because sensors are noisy.

    The binding hands over neither a count nor a time of reception: a message is new if its numbers are.
    """
    return low.motor.q, low.motor.dq, low.imu.omega, low.imu.accel


def to_state(low: Any, stamp_ns: int, gripper_opening: FloatArray) -> RobotState:
    """The measurement in a `LowState`.

    Args:
        low: a `unitree_interface.LowState`.
        stamp_ns: when it was received.
        gripper_opening: [2] left, right.
    """
    return RobotState(
        stamp_ns=stamp_ns,
        joint_position_rad=np.array(low.motor.q[:JOINTS]),
        joint_velocity_rad_s=np.array(low.motor.dq[:JOINTS]),
        quat_world_from_pelvis_wxyz=_unit(np.array(low.imu.quat)),
        angular_velocity_pelvis_in_pelvis_rad_s=np.array(low.imu.omega),
        gripper_opening=gripper_opening,
        motor_temperature_c=np.array(low.motor.temperature[:JOINTS], dtype=np.float64),
        motor_fault=_without_voltage(np.array(low.motor.voltage[:JOINTS])),
    )


def fill_command(message: Any, command: JointCommand) -> None:
    """Write a command into a `unitree_interface.MotorCommand`."""
    message.q_target = command.joint_position_rad.tolist()
    message.dq_target = command.joint_velocity_rad_s.tolist()
    message.kp = command.kp_nm_rad.tolist()
    message.kd = command.kd_nm_s_rad.tolist()
    message.tau_ff = command.torque_nm.tolist()


def commands_something(message: Any) -> bool:
    """Whether a `MotorCommand` was received: before the first one, the binding gives zeros."""
    return any(message.kp) or any(message.kd) or any(message.tau_ff)


def alike(message: Any, other: Any) -> bool:
    """Whether two `MotorCommand`s are the same, to the precision of a float32."""
    names = ("q_target", "dq_target", "kp", "kd", "tau_ff")
    return all(np.allclose(getattr(message, name), getattr(other, name), atol=1e-5) for name in names)


def _unit(quat: FloatArray) -> FloatArray:
    """A quaternion of float32 has its length to 1e-7; one that is none stays as it is, for the safety to see."""
    length = float(np.linalg.norm(quat))
    return quat / length if abs(length - 1.0) < 1e-3 else quat


def _without_voltage(voltage_v: FloatArray) -> FloatArray:
    """[29] 1 for a motor without supply, 0 for one with it; not a number where nobody measures it.

    The binding hands over no fault codes.
    """
    return np.where(voltage_v == 0.0, 1.0, 0.0) if voltage_v.any() else np.full(JOINTS, np.nan)
