"""Walking velocities that are asked for, within limits, as poses of the body at the next steps."""

from __future__ import annotations

import numpy as np

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.config import CommandedBodyConfig
from hlm.control.walking_pattern import LEFT, rotated
from hlm.core.arrays import FloatArray

_AHEAD, _LATERAL, _TURN = 0, 1, 2


def walking_velocity(command: BodyCommand, config: CommandedBodyConfig) -> FloatArray:
    """[3] velocity ahead (m/s), to the left (m/s) and turning left (rad/s) that is walked; zeros for standing.

    Each is a share of its limit; together they keep inside an ellipsoid, so that a fast walk turns slowly.
    """
    wanted = np.array([*command.velocity_m_s, command.turn_rate_rad_s])
    ahead_m_s = config.max_ahead_m_s if wanted[_AHEAD] > 0.0 else config.max_back_m_s
    limits = np.array([ahead_m_s, config.max_sideways_m_s, config.max_turn_rad_s])
    share = float(np.linalg.norm(wanted / limits))
    if share < config.least_speed:
        return np.zeros(3)
    return wanted / max(share, 1.0)


def next_body(body: FloatArray, velocity: FloatArray, foot: int, duration_s: float, unevenness: float) -> FloatArray:
    """[3] x (m), y (m) and yaw (rad) of the body after a step.

    Args:
        body: [3] pose before the step.
        velocity: [3] ahead, to the left, turning left.
        foot: that steps.
        duration_s: time that the step stands for.
        unevenness: share by which steps to the outside are longer.
    """
    outside = 1.0 if foot == LEFT else -1.0
    moved = duration_s * velocity
    moved[_LATERAL] *= 1.0 + unevenness * outside * np.sign(velocity[_LATERAL])
    moved[_TURN] *= 1.0 + unevenness * outside * np.sign(velocity[_TURN])
    shift = rotated(moved[:2], body[_TURN] + 0.5 * moved[_TURN])
    return body + np.array([*shift, moved[_TURN]])
