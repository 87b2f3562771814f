"""The soles as places to stand on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hlm.control.model import GRAVITY_M_S2
from hlm.control.tracker.dynamics import BodyDynamics
from hlm.core.arrays import FloatArray

_LEAST_HEIGHT_M = 0.25


class Feet(NamedTuple):
    """Where the soles are.

    Attributes:
        corners_m: [foot, corner, 3] in the world.
        outward: [foot, 2] horizontal direction to the outside of the foot.
        clearance_m: [foot] height of the lowest corner above the other sole's centre.
        inward_m: [foot] how far the body falls to the inside of the foot's centre line.
    """

    corners_m: FloatArray
    outward: FloatArray
    clearance_m: FloatArray
    inward_m: FloatArray


def feet_of(body: BodyDynamics, corners_in_sole_m: FloatArray) -> Feet:
    """The feet of a body.

    Args:
        body: at its present state.
        corners_in_sole_m: [corner, 3] in a sole's frame.
    """
    rotation = body.rotation_world_from_sole
    corners_m = corners_in_sole_m @ rotation.transpose(0, 2, 1) + body.sole_m[:, None]
    forward = rotation[:, :2, 0] / np.linalg.norm(rotation[:, :2, 0], axis=1, keepdims=True)
    outward = np.column_stack([-forward[:, 1], forward[:, 0]]) * np.array([[1.0], [-1.0]])
    height_m = max(float(body.center_of_mass_m[2] - body.sole_m[:, 2].min()), _LEAST_HEIGHT_M)
    falls_m = body.center_of_mass_m[:2] + body.center_of_mass_m_s[:2] * np.sqrt(height_m / GRAVITY_M_S2)
    inward_m = ((body.sole_m[:, :2] - falls_m) * outward).sum(axis=1)
    return Feet(corners_m, outward, corners_m[:, :, 2].min(axis=1) - body.sole_m[::-1, 2], inward_m)
