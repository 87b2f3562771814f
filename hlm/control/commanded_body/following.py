"""Values that follow their goals smoothly: critically damped, with limits of speed and acceleration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pinocchio as pin

from hlm.control.checks import require_positive
from hlm.core.arrays import FloatArray

_MAX_STEP_S = 0.005


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How a value follows its goal. Units are those of the value, here called u.

    Attributes:
        frequency_rad_s: natural frequency; a goal that moves steadily is followed 2 / frequency late.
        max_speed: u/s.
        max_acceleration: u/s^2. Braking from the largest speed takes 0.37 x frequency x speed; less makes it overshoot.
    """

    frequency_rad_s: float
    max_speed: float
    max_acceleration: float

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)


class Moving(NamedTuple):
    """A vector that moves.

    Attributes:
        value: [n].
        rate: [n] its change per second.
    """

    value: FloatArray
    rate: FloatArray

    @staticmethod
    def at_rest(value: FloatArray) -> Moving:
        """It stands still here."""
        return Moving(np.array(value, dtype=np.float64), np.zeros(len(value)))


class Turning(NamedTuple):
    """An orientation that turns.

    Attributes:
        rotation: [3, 3].
        rate_rad_s: [3] angular velocity in the frame that `rotation` leads to.
    """

    rotation: FloatArray
    rate_rad_s: FloatArray


def followed(moving: Moving, goal: FloatArray, pace: Pace, dt_s: float) -> Moving:
    """Where the vector is after `dt_s` on its way to the [n] goal; speed and acceleration are lengths of vectors."""
    value, rate = moving
    for step_s in _steps_s(dt_s):
        rate = _next_rate(goal - value, rate, pace, step_s)
        value = value + step_s * rate
    return Moving(value, rate)


def turned(turning: Turning, goal: FloatArray, pace: Pace, dt_s: float) -> Turning:
    """Where the orientation is after `dt_s` on the shortest way to the [3, 3] goal."""
    rotation, rate = turning
    for step_s in _steps_s(dt_s):
        rate = _next_rate(pin.log3(goal @ rotation.T), rate, pace, step_s)
        rotation = pin.exp3(step_s * rate) @ rotation
    return Turning(rotation, rate)


def _steps_s(dt_s: float) -> FloatArray:
    """Equal steps that are short enough to integrate."""
    count = max(1, int(np.ceil(dt_s / _MAX_STEP_S)))
    return np.full(count, dt_s / count)


def _next_rate(error: FloatArray, rate: FloatArray, pace: Pace, step_s: float) -> FloatArray:
    """The rate a step later. An error that is cut to 2 x speed / frequency ends in just that speed."""
    near = _shortened(error, 2.0 * pace.max_speed / pace.frequency_rad_s)
    acceleration = pace.frequency_rad_s**2 * near - 2.0 * pace.frequency_rad_s * rate
    return rate + step_s * _shortened(acceleration, pace.max_acceleration)


def _shortened(vector: FloatArray, longest: float) -> FloatArray:
    """The vector, cut to a length."""
    length = float(np.sqrt(vector @ vector))
    return vector if length <= longest else vector * (longest / length)
