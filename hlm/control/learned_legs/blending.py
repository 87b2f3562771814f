"""Joint commands between two others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.values import JointCommand


def blend(before: JointCommand, after: JointCommand, weight: float) -> JointCommand:
    """The command whose torque at every state is the weighted mean of the torques of two commands.

    Args:
        before: the command at weight 0.
        after: the command at weight 1; gives the stamp and the grippers.
        weight: 0 to 1.
    """
    kp, position_rad = _blended(
        before.kp_nm_rad, before.joint_position_rad, after.kp_nm_rad, after.joint_position_rad, weight
    )
    kd, velocity_rad_s = _blended(
        before.kd_nm_s_rad, before.joint_velocity_rad_s, after.kd_nm_s_rad, after.joint_velocity_rad_s, weight
    )
    return replace(
        after,
        joint_position_rad=position_rad,
        joint_velocity_rad_s=velocity_rad_s,
        kp_nm_rad=kp,
        kd_nm_s_rad=kd,
        torque_nm=(1.0 - weight) * before.torque_nm + weight * after.torque_nm,
    )


def _blended(
    gain_before: FloatArray, target_before: FloatArray, gain_after: FloatArray, target_after: FloatArray, weight: float
) -> tuple[FloatArray, FloatArray]:
    """[joint] gain and target of the mean of two proportional laws."""
    share_before, share_after = (1.0 - weight) * gain_before, weight * gain_after
    gain = share_before + share_after
    mean = (1.0 - weight) * target_before + weight * target_after
    weighted = share_before * target_before + share_after * target_after
    return gain, np.where(gain > 0.0, weighted / np.where(gain > 0.0, gain, 1.0), mean)
