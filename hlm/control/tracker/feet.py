"""Geometry of the measured feet: sole corners, clearance, and where the body falls relative to them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hlm.control.model import GRAVITY_M_S2
from hlm.control.tracker.body_dynamics import BodyDynamics
from hlm.control.tracker.pendulum import MIN_COM_HEIGHT_M
from hlm.core.arrays import FloatArray


class Feet(NamedTuple):
    """Geometry of both soles.

    Attributes:
        corner_position_m: [foot, corner, 3] sole corners in the world.
        outward: [foot, 2] horizontal unit vector to the outside of the foot.
        clearance_m: [foot] height of the lowest corner above the other sole's centre.
        dcm_inward_m: [foot] distance of the DCM to the inside of the foot's centre line.
    """

    corner_position_m: FloatArray
    outward: FloatArray
    clearance_m: FloatArray
    dcm_inward_m: FloatArray


def feet_of(body: BodyDynamics, corner_position_in_sole_m: FloatArray) -> Feet:
    """The feet of a body at its present state.

    Args:
        body: updated for this tick.
        corner_position_in_sole_m: [corner, 3] sole corners in the sole's frame.
    """
    rotation = body.rotation_world_from_sole
    corner_position_m = corner_position_in_sole_m @ rotation.transpose(0, 2, 1) + body.sole_position_m[:, None]
    forward = rotation[:, :2, 0] / np.linalg.norm(rotation[:, :2, 0], axis=1, keepdims=True)
    outward = np.column_stack([-forward[:, 1], forward[:, 0]]) * np.array([[1.0], [-1.0]])
    com_height_m = max(float(body.com_position_m[2] - body.sole_position_m[:, 2].min()), MIN_COM_HEIGHT_M)
    dcm_m = body.com_position_m[:2] + body.com_velocity_m_s[:2] * np.sqrt(com_height_m / GRAVITY_M_S2)
    dcm_inward_m = ((body.sole_position_m[:, :2] - dcm_m) * outward).sum(axis=1)
    clearance_m = corner_position_m[:, :, 2].min(axis=1) - body.sole_position_m[::-1, 2]
    return Feet(corner_position_m, outward, clearance_m, dcm_inward_m)
