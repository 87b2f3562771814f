"""A reference placed on the feet where they really are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from hlm.control.tracker.dynamics import BodyDynamics
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.core.arrays import BoolArray, FloatArray
from hlm.core.rotations import matrix_from_yaw, wrap_angle

_LEAST_HEIGHT_M = 0.25


@dataclass(frozen=True, slots=True, eq=False)
class PlacedReference:
    """A reference in the robot's world.

    Attributes:
        yaw_rad: from the reference's world to the robot's.
        load_share: [foot] by which each foot places it.
        center_of_mass_m: [3].
        center_of_mass_m_s: [3].
        pressure_m: [2].
        rotation_world_from_pelvis: [3, 3].
        height_m: of the centre of mass above the soles.
        sole_m: [foot, 3].
        sole_m_s: [foot, 3].
        sole_m_s2: [foot, 3].
        sole_roll_pitch_yaw_rad: [foot, 3].
        sole_yaw_rad_s: [foot].
    """

    yaw_rad: float
    load_share: FloatArray
    center_of_mass_m: FloatArray
    center_of_mass_m_s: FloatArray
    pressure_m: FloatArray
    rotation_world_from_pelvis: FloatArray
    height_m: float
    sole_m: FloatArray
    sole_m_s: FloatArray
    sole_m_s2: FloatArray
    sole_roll_pitch_yaw_rad: FloatArray
    sole_yaw_rad_s: FloatArray


def place(sample: ReferenceSample, body: BodyDynamics, standing: BoolArray) -> PlacedReference:
    """Put the reference's feet on the actual ones; each foot counts by its load, one in the air not at all.

    Args:
        sample: the reference.
        body: where the feet are.
        standing: [foot] whether the body stands on it.
    """
    share = sample.load_share if standing.all() else standing.astype(float)
    rotation = body.rotation_world_from_sole
    yaws = np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])
    shifts = wrap_angle(yaws - sample.sole_roll_pitch_yaw_rad[:, 2])
    yaw = float(shifts[0] + share[1] * wrap_angle(shifts[1] - shifts[0]))
    turn = matrix_from_yaw(yaw)
    shift_m = share @ (body.sole_m - sample.sole_m @ turn.T)
    center_m = turn @ sample.center_of_mass_m + shift_m
    roll, pitch, heading = sample.roll_pitch_yaw_rad
    return PlacedReference(
        yaw_rad=yaw,
        load_share=share,
        center_of_mass_m=center_m,
        center_of_mass_m_s=turn @ sample.center_of_mass_m_s,
        pressure_m=turn[:2, :2] @ sample.pressure_m + shift_m[:2],
        rotation_world_from_pelvis=pin.rpy.rpyToMatrix(roll, pitch, heading + yaw),
        height_m=max(float(center_m[2] - share @ body.sole_m[:, 2]), _LEAST_HEIGHT_M),
        sole_m=sample.sole_m @ turn.T + shift_m,
        sole_m_s=sample.sole_m_s @ turn.T,
        sole_m_s2=sample.sole_m_s2 @ turn.T,
        sole_roll_pitch_yaw_rad=sample.sole_roll_pitch_yaw_rad + np.array([0.0, 0.0, yaw]),
        sole_yaw_rad_s=sample.sole_roll_pitch_yaw_rad_s[:, 2],
    )
