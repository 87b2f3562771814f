"""What a robot can possibly measure of itself, to recognise states in other units or order."""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiments.catalog import find_embodiment
from hlm.core.errors import InputError, UnknownNameError
from hlm.core.layout import DIMENSIONS, NAMES, UNITS, pack

# Far beyond what a healthy robot measures: encoders may be off, and clients compute yaw rates that jump where the yaw
# wraps, by a whole turn in a step of 30 Hz.
_JOINT_MARGIN_RAD = math.pi
_GRIPPER_MARGIN = 1.0
_MOST_TILT_RAD = 2.0 * math.pi
_MOST_YAW_RATE_RAD_S = 200.0
# Of robots without a table.
_MOST = 1000.0


def must_be_possible(state: FloatArray, embodiment: str) -> None:
    """Check that a robot can be in a state.

    Args:
        state: [34] finite numbers.
        embodiment: name of the robot.

    Raises:
        InputError: it cannot; the text names the first impossible entry.
    """
    lower, upper = _range(embodiment)
    impossible = np.flatnonzero((state < lower) | (state > upper))
    if not len(impossible):
        return
    first = impossible[0]
    unit = "" if UNITS[first] == "1" else f" {UNITS[first]}"
    raise InputError(
        f"the state has {state[first]:g}{unit} for {NAMES[first]}, its entry {first}; robot '{embodiment}' can have "
        f"{lower[first]:.1f} to {upper[first]:.1f}. Are units and order those of hlm's 34 numbers?"
    )


@cache
def _range(embodiment: str) -> tuple[FloatArray, FloatArray]:
    try:
        robot = find_embodiment(embodiment)
    except UnknownNameError:
        return np.full(DIMENSIONS, -_MOST), np.full(DIMENSIONS, _MOST)
    root = np.array([_MOST_TILT_RAD, _MOST_TILT_RAD, _MOST_YAW_RATE_RAD_S])
    margin = np.full(2, _GRIPPER_MARGIN)
    lower = pack(robot.lower_rad - _JOINT_MARGIN_RAD, -margin, -root)
    return lower, pack(robot.upper_rad + _JOINT_MARGIN_RAD, 1.0 + margin, root)
