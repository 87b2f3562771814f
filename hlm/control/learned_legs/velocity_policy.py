"""The learned walking policy: observation of the legs and a velocity command in, joint targets out.

The policy was trained in simulation on the G1 with all 29 joints, as `hlm.control.learned_legs.policy_file` names it.
Its observation is that of its training: terms in alphabetical order, each scaled.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from hlm.core.arrays import FloatArray, frozen
from hlm.core.layout import JOINTS, MOTOR_ARMS, MOTOR_WAIST
from hlm.core.rotations import matrix_from_quat
from hlm.core.values import RobotState

POLICY_HZ = 50.0
OBSERVATIONS = 100

_STRIDE_HZ = 1.0
_ACTION_SCALE_RAD = 0.25
_ANGULAR_VELOCITY_SCALE = 0.25
_JOINT_VELOCITY_SCALE = 0.05
_MAX_ACTION = 100.0
_LEG_RAD = (-0.312, 0.0, 0.0, 0.669, -0.363, 0.0)
_LEFT_ARM_RAD = (0.2, 0.2, 0.0, 0.6, 0.0, 0.0, 0.0)
_RIGHT_ARM_RAD = (0.2, -0.2, 0.0, 0.6, 0.0, 0.0, 0.0)

NEUTRAL_RAD = frozen(np.array([*_LEG_RAD, *_LEG_RAD, 0.0, 0.0, 0.0, *_LEFT_ARM_RAD, *_RIGHT_ARM_RAD]), (JOINTS,), "")
"""[joint] pose that the policy's observations and actions are relative to, motor order."""
_STANDING_PHASE_RAD = frozen(np.array([np.pi, np.pi]), (2,), "")
_STARTING_PHASE_RAD = frozen(np.array([0.0, np.pi]), (2,), "")
_LIFTING_PHASE_RAD = -0.75 * np.pi  # a foot leaves the ground soon after

# What the policy does when it is commanded, measured over 6 s each in hlm's world: commanded and reached velocities.
# Beyond 0.8, what the stream disturbs slows it down.
_COMMANDED = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8)
_REACHED_FORWARD_M_S = (0.0, 0.11, 0.21, 0.346, 0.447, 0.520)
_REACHED_BACKWARD_M_S = (0.0, 0.09, 0.17, 0.301, 0.358)
_REACHED_SIDEWAYS_M_S = (0.0, 0.09, 0.151, 0.224, 0.258)
_REACHED_TURNING_RAD_S = (0.0, 0.092, 0.184, 0.376, 0.56, 0.745)


class Network(Protocol):
    """A learned function."""

    def __call__(self, observation: FloatArray) -> FloatArray:
        """[29] actions for a [100] observation."""
        ...


class UpperBody(NamedTuple):
    """What others do above the legs.

    Attributes:
        tilt: [2] forward and leftward tilt of the gravity vector to feign for it, 1.
        waist_rad: [3] yaw, roll and pitch that the waist is bent by; the policy moves it from there.
        waist_rad_s: [3] speeds of that.
    """

    tilt: FloatArray
    waist_rad: FloatArray
    waist_rad_s: FloatArray


def observation_of(
    state: RobotState, action: FloatArray, velocity: FloatArray, phase_rad: FloatArray, upper: UpperBody
) -> FloatArray:
    """[100] what the policy sees: arms in its neutral pose, and a waist that nobody else has bent.

    Args:
        state: the measurement.
        action: [29] the policy's last action.
        velocity: [3] commanded forward and leftward velocity (m/s) and yaw rate (rad/s).
        phase_rad: [2] phase of the left and right leg in the stride.
        upper: what others do.
    """
    position_rad = state.joint_position_rad - NEUTRAL_RAD
    velocity_rad_s = state.joint_velocity_rad_s.copy()
    position_rad[MOTOR_WAIST] -= upper.waist_rad
    velocity_rad_s[MOTOR_WAIST] -= upper.waist_rad_s
    position_rad[MOTOR_ARMS] = velocity_rad_s[MOTOR_ARMS] = 0.0
    gravity = -matrix_from_quat(state.quat_world_from_pelvis_wxyz)[2]
    gravity[:2] += upper.tilt
    return np.concatenate([
        action,
        _ANGULAR_VELOCITY_SCALE * state.angular_velocity_pelvis_in_pelvis_rad_s,
        velocity[2:],
        velocity[:2],
        np.cos(phase_rad),
        position_rad,
        _JOINT_VELOCITY_SCALE * velocity_rad_s,
        gravity,
        np.sin(phase_rad),
    ])  # fmt: skip


def commanded(velocity: FloatArray) -> FloatArray:
    """[3] what to command to reach [3] a forward and leftward velocity (m/s) and yaw rate (rad/s)."""
    forward, leftward, turning = velocity.tolist()
    ahead = _REACHED_FORWARD_M_S if forward >= 0.0 else _REACHED_BACKWARD_M_S
    tables = ((forward, ahead), (leftward, _REACHED_SIDEWAYS_M_S), (turning, _REACHED_TURNING_RAD_S))
    return np.array(
        [np.copysign(np.interp(abs(value), reached, _COMMANDED[: len(reached)]), value) for value, reached in tables]
    )


class VelocityPolicy:
    """Legs that walk with a commanded velocity; call `step` at `POLICY_HZ`.

    Args:
        network: the learned function.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self.reset(NEUTRAL_RAD)

    def reset(self, joint_position_rad: FloatArray, lifting: int | None = None) -> None:
        """Start with a pose as if the policy had commanded it.

        Args:
            joint_position_rad: [29] that pose.
            lifting: index of the foot that the body is about to lift, if any.
        """
        self._action: FloatArray = (joint_position_rad - NEUTRAL_RAD) / _ACTION_SCALE_RAD
        self._phase_rad: FloatArray = _STARTING_PHASE_RAD
        if lifting is not None:
            self._phase_rad = _LIFTING_PHASE_RAD + np.pi * (np.arange(2) != lifting)
        self._stands = False

    def step(self, state: RobotState, velocity: FloatArray | None, upper: UpperBody) -> FloatArray:
        """[29] joint targets, rad.

        Args:
            state: the measurement.
            velocity: [3] wanted forward and leftward velocity (m/s) and yaw rate (rad/s); None stands.
            upper: what others do; its bend of the waist is in the targets.
        """
        if velocity is None:
            self._phase_rad = _STANDING_PHASE_RAD
        elif self._stands:
            self._phase_rad = _STARTING_PHASE_RAD
        else:
            advanced_rad = self._phase_rad + 2.0 * np.pi * _STRIDE_HZ / POLICY_HZ
            self._phase_rad = np.fmod(advanced_rad + np.pi, 2.0 * np.pi) - np.pi
        self._stands = velocity is None
        command = np.zeros(3) if velocity is None else commanded(velocity)
        action = self._network(observation_of(state, self._action, command, self._phase_rad, upper))
        self._action = np.clip(action, -_MAX_ACTION, _MAX_ACTION)
        target_rad = NEUTRAL_RAD + _ACTION_SCALE_RAD * self._action
        target_rad[MOTOR_WAIST] += upper.waist_rad
        return target_rad
