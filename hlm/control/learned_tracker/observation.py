"""What a learned tracker sees, and what it says: the same on the robot and where it is trained.

It sees nothing that a robot does not have: the references of now and of the preview, joints, gyroscope, gravity and its
own last action. It knows neither place nor velocity nor heading.
"""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.layout import JOINTS, unpack
from hlm.core.rotations import matrix_from_quat
from hlm.core.values import RobotState

TRACKER_HZ = 50.0
LATENCY_S = 0.2
LATENCY_SLOTS = round(LATENCY_S * TRACKER_HZ)
# Of the 0.2 s that are known ahead, the last 0.04 s are left: at 30 Hz the newest reference is up to 0.033 s old, and
# what lies after it is not known yet.
PREVIEW_SLOTS = (0, 2, 4, 6, 8)
FEATURES = JOINTS + 3
TERMS = (
    ("reference", len(PREVIEW_SLOTS) * FEATURES),
    ("angular_velocity", 3),
    ("gravity", 3),
    ("joint_position", JOINTS),
    ("joint_velocity", JOINTS),
    ("last_action", JOINTS),
)
"""Parts of the observation in their order, and how many numbers each has."""
OBSERVATIONS = sum(size for _, size in TERMS)
# Of the angle at which a motor's stiffness alone asks for all its torque: as in BeyondMimic (arXiv 2508.08241).
_ACTION_SHARE = 0.25


def action_scale_rad(embodiment: Embodiment) -> FloatArray:
    """[joint] angle that an action of 1 adds to the default pose."""
    return _ACTION_SHARE * embodiment.effort_nm / embodiment.kp_nm_rad


def features_of(vectors: FloatArray, default_rad: FloatArray) -> FloatArray:
    """[..., 32] what is seen of [..., 34] references: joints from the default pose, roll, pitch, yaw rate.

    Args:
        vectors: [..., 34] references; grippers are not seen.
        default_rad: [29] the default pose.
    """
    parts = unpack(vectors)
    return np.concatenate([parts.joint_position_rad - default_rad, parts.root], axis=-1)


def observation_of(
    vectors: FloatArray, state: RobotState, last_action: FloatArray, default_rad: FloatArray
) -> FloatArray:
    """[OBSERVATIONS] what the network sees, in the order of `TERMS`.

    Args:
        vectors: [preview, 34] references of `PREVIEW_SLOTS`.
        state: the measurement.
        last_action: [29] what the network said the last time; zeros after a reset.
        default_rad: [29] the default pose.
    """
    return np.concatenate(
        [
            features_of(vectors, default_rad).ravel(),
            state.angular_velocity_pelvis_in_pelvis_rad_s,
            -matrix_from_quat(state.quat_world_from_pelvis_wxyz)[2],
            state.joint_position_rad - default_rad,
            state.joint_velocity_rad_s,
            last_action,
        ]
    )


def target_of(action: FloatArray, embodiment: Embodiment) -> FloatArray:
    """[29] joint targets of an action, rad, within the joints' limits."""
    target_rad = embodiment.default_rad + action_scale_rad(embodiment) * action
    return np.clip(target_rad, embodiment.lower_rad, embodiment.upper_rad)
