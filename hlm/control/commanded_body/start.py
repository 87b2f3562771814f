"""Where a robot stands, in a world of its own, from what it measures."""

from __future__ import annotations

import numpy as np

from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.layout import ROOT_PITCH, ROOT_ROLL, unpack
from hlm.core.rotations import quat_from_roll_pitch_yaw


def standing_configuration(model: BodyModel, state: FloatArray) -> Configuration:
    """The configuration in a world whose origin is on the floor midway between the soles; the pelvis looks along x.

    Args:
        model: the robot.
        state: [34] measured state of a robot that stands on both feet.
    """
    at_origin = Configuration(
        position_pelvis_in_world_m=np.zeros(3),
        quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(np.array([state[ROOT_ROLL], state[ROOT_PITCH], 0.0])),
        joint_position_rad=unpack(state).joint_position_rad,
    )
    soles_m = [model.pose_world_from(f"{side}_sole", at_origin)[:3, 3] for side in ("left", "right")]
    return Configuration(
        position_pelvis_in_world_m=-np.mean(soles_m, axis=0),
        quat_world_from_pelvis_wxyz=at_origin.quat_world_from_pelvis_wxyz,
        joint_position_rad=at_origin.joint_position_rad,
    )
