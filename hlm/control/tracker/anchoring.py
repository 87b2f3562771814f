"""The reference anchored to the feet where they really are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from hlm.control.tracker.balance import ComMotion
from hlm.control.tracker.body_dynamics import BodyDynamics
from hlm.control.tracker.contact_state import ContactState
from hlm.control.tracker.pendulum import MIN_COM_HEIGHT_M
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.core.arrays import FloatArray
from hlm.core.rotations import matrix_from_yaw, wrap_angle


@dataclass(frozen=True, slots=True, eq=False)
class AnchoredReference:
    """A reference sample in the robot's world.

    Attributes:
        yaw_rad: rotation from the reference's world to the robot's.
        load_fraction: [foot] weight of each foot in the anchoring.
        com: motion of the centre of mass.
        zmp_m: [2] zero-moment point.
        rotation_world_from_pelvis: [3, 3].
        com_height_m: height of the centre of mass above the soles.
        sole_position_m: [foot, 3] sole centres.
        sole_velocity_m_s: [foot, 3].
        sole_acceleration_m_s2: [foot, 3].
        sole_roll_pitch_yaw_rad: [foot, 3].
        sole_yaw_rate_rad_s: [foot].
    """

    yaw_rad: float
    load_fraction: FloatArray
    com: ComMotion
    zmp_m: FloatArray
    rotation_world_from_pelvis: FloatArray
    com_height_m: float
    sole_position_m: FloatArray
    sole_velocity_m_s: FloatArray
    sole_acceleration_m_s2: FloatArray
    sole_roll_pitch_yaw_rad: FloatArray
    sole_yaw_rate_rad_s: FloatArray


def anchor(sample: ReferenceSample, body: BodyDynamics, contact: ContactState) -> AnchoredReference:
    """Move the reference's feet onto the measured ones, each weighted by its load; a swing foot has no weight.

    Args:
        sample: the reference.
        body: measured soles.
        contact: measured contact.
    """
    load_fraction = sample.load_fraction if contact.double_support else contact.mask.astype(float)
    rotation = body.rotation_world_from_sole
    sole_yaw_rad = np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0])
    yaw_offset_rad = wrap_angle(sole_yaw_rad - sample.sole_roll_pitch_yaw_rad[:, 2])
    yaw_rad = float(yaw_offset_rad[0] + load_fraction[1] * wrap_angle(yaw_offset_rad[1] - yaw_offset_rad[0]))
    turn = matrix_from_yaw(yaw_rad)
    shift_m = load_fraction @ (body.sole_position_m - sample.sole_position_m @ turn.T)
    com_position_m = turn @ sample.com_position_m + shift_m
    roll_rad, pitch_rad, heading_rad = sample.pelvis_roll_pitch_yaw_rad
    return AnchoredReference(
        yaw_rad=yaw_rad,
        load_fraction=load_fraction,
        com=ComMotion(com_position_m, turn @ sample.com_velocity_m_s),
        zmp_m=turn[:2, :2] @ sample.zmp_m + shift_m[:2],
        rotation_world_from_pelvis=pin.rpy.rpyToMatrix(roll_rad, pitch_rad, heading_rad + yaw_rad),
        com_height_m=max(float(com_position_m[2] - load_fraction @ body.sole_position_m[:, 2]), MIN_COM_HEIGHT_M),
        sole_position_m=sample.sole_position_m @ turn.T + shift_m,
        sole_velocity_m_s=sample.sole_velocity_m_s @ turn.T,
        sole_acceleration_m_s2=sample.sole_acceleration_m_s2 @ turn.T,
        sole_roll_pitch_yaw_rad=sample.sole_roll_pitch_yaw_rad + np.array([0.0, 0.0, yaw_rad]),
        sole_yaw_rate_rad_s=sample.sole_roll_pitch_yaw_rate_rad_s[:, 2],
    )
