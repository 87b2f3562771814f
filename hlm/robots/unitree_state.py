"""What the messages of a Unitree G1 say, as values of the contract and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.layout import JOINTS
from hlm.core.values import JointCommand, RobotState
from hlm.robots.unitree_messages import ImuState, LowState

NO_VOLTAGE = -1.0
"""Instead of a fault code: the motor has no supply voltage."""
_LOW_STATE = np.dtype(LowState)


def content(low: LowState) -> bytes:
    """What changes from one message of a live robot to the next, because sensors are noisy."""
    view = _view(low)
    motors, imu = view["motor_state"], view["imu_state"]
    parts = (motors["q"], motors["dq"], imu["gyroscope"], imu["accelerometer"])
    return b"".join(part.tobytes() for part in parts)


def to_state(low: LowState, torso: FloatArray, stamp_ns: int, gripper_opening: FloatArray) -> RobotState:
    """The measurement in a message.

    Args:
        low: the message.
        torso: [4] wxyz orientation by the torso's inertial unit, see `orientation`; not numbers without one.
        stamp_ns: when it was received.
        gripper_opening: [2] left, right.
    """
    view = _view(low)
    motors, imu = view["motor_state"][:JOINTS], view["imu_state"]
    return RobotState(
        stamp_ns=stamp_ns,
        joint_position_rad=motors["q"].astype(np.float64),
        joint_velocity_rad_s=motors["dq"].astype(np.float64),
        quat_world_from_pelvis_wxyz=_unit(imu["quaternion"].astype(np.float64)),
        angular_velocity_pelvis_in_pelvis_rad_s=imu["gyroscope"].astype(np.float64),
        gripper_opening=gripper_opening,
        motor_temperature_c=motors["temperature"].max(axis=1).astype(np.float64),
        motor_fault=_faults(motors["motorstate"], motors["vol"]),
        quat_world_from_torso_wxyz=torso,
    )


def orientation(imu: ImuState) -> FloatArray:
    """[4] wxyz orientation that an inertial unit measures; not numbers if it has not started."""
    quat = np.array(imu.quaternion, dtype=np.float64)
    return _unit(quat) if quat.any() else np.full(4, np.nan)


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


def _view(low: LowState) -> np.void:
    """The message as a record over the same memory."""
    record: np.void = np.frombuffer(low, _LOW_STATE)[0]
    return record


def _unit(quat: FloatArray) -> FloatArray:
    """A quaternion of float32 has its length to 1e-7; one that is none stays as it is, for the safety to see."""
    length = float(np.linalg.norm(quat))
    return quat / length if abs(length - 1.0) < 1e-3 else quat


def _faults(codes: Any, voltage_v: Any) -> FloatArray:
    """[29] fault codes, with `NO_VOLTAGE` where only the supply is missing; robots may measure no voltage at all."""
    dead = (voltage_v == 0.0) & bool(voltage_v.any())
    return np.where(codes != 0, codes.astype(np.float64), np.where(dead, NO_VOLTAGE, 0.0))
