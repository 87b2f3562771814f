"""The 34-D vector as LeRobot's flat dictionary of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import MismatchError
from hlm.core.layout import NAMES

FEATURES: dict[str, type] = dict.fromkeys(NAMES, float)
"""LeRobot's description of the 34 numbers, by hlm's names."""


def named(vector: FloatArray) -> dict[str, float]:
    """The 34 numbers of a vector by name."""
    return dict(zip(NAMES, map(float, vector), strict=True))


def vector_of(numbers: Mapping[str, Any]) -> FloatArray:
    """[34] vector of numbers by name; inverse of `named`.

    Raises:
        MismatchError: a number is missing, or one is not known.
    """
    if missing := [name for name in NAMES if name not in numbers]:
        raise MismatchError(f"an action of robot 'hlm_g1' needs {len(NAMES)} numbers; '{missing[0]}' is missing.")
    if unknown := [name for name in numbers if name not in NAMES]:
        raise MismatchError(f"robot 'hlm_g1' has no '{unknown[0]}'; its actions are {NAMES[0]} ... {NAMES[-1]}.")
    return np.array([float(numbers[name]) for name in NAMES])
