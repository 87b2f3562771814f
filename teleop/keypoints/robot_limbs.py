"""How long a robot's limbs are, and where they begin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.layout import JOINTS
from hlm.teleop.keypoints.named_points import SIDES


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RobotLimbs:
    """Figures of a robot whose sides mirror each other.

    Attributes:
        leg_m: from hip to ankle of the straight leg.
        upper_arm_m: from shoulder to elbow.
        forearm_m: from elbow to wrist.
        hand_m: from wrist to grip.
        hip_in_pelvis_m: [side, 3].
        waist_in_pelvis_m: [3] where the torso turns.
        shoulder_in_torso_m: [side, 3].
        ankle_in_sole_m: [3].
    """

    leg_m: float
    upper_arm_m: float
    forearm_m: float
    hand_m: float
    hip_in_pelvis_m: FloatArray
    waist_in_pelvis_m: FloatArray
    shoulder_in_torso_m: FloatArray
    ankle_in_sole_m: FloatArray

    @staticmethod
    def of(model: BodyModel) -> RobotLimbs:
        """The figures of a robot, from its kinematics with all joints at zero."""
        zero = Configuration(
            position_pelvis_in_world_m=np.zeros(3),
            quat_world_from_pelvis_wxyz=np.array([1.0, 0.0, 0.0, 0.0]),
            joint_position_rad=np.zeros(JOINTS),
        )

        def place_m(name: str) -> FloatArray:
            return model.pose_world_from(name, zero)[:3, 3]

        hip, ankle, shoulder, elbow, wrist, grip = (
            place_m(f"left_{name}")
            for name in ("hip_roll", "ankle_roll", "shoulder_roll", "elbow", "wrist_pitch", "grip")
        )
        torso = place_m("torso")
        return RobotLimbs(
            leg_m=float(np.linalg.norm(hip - ankle)),
            upper_arm_m=float(np.linalg.norm(elbow - shoulder)),
            forearm_m=float(np.linalg.norm(wrist - elbow)),
            hand_m=float(np.linalg.norm(grip - wrist)),
            hip_in_pelvis_m=np.array([place_m(f"{side}_hip_roll") for side in SIDES]),
            waist_in_pelvis_m=torso,
            shoulder_in_torso_m=np.array([place_m(f"{side}_shoulder_roll") - torso for side in SIDES]),
            ankle_in_sole_m=ankle - place_m("left_sole"),
        )
