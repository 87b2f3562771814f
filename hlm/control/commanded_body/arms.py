"""Where the arms of a body are, where they hang, and how far they reach."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from hlm.control.inverse_kinematics import PoseTarget
from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.layout import MOTOR_ARMS, MOTOR_WAIST

_SIDES = ("left", "right")
# Where a hand is beside the body, from the stance.
_AHEAD_M, _OUTWARDS_M = (0.1, 0.4), (0.12, 0.4)


class Arms:
    """The arms of a model.

    Args:
        model: the robot.
        posture_rad: [29] posture in which arms hang.

    Attributes:
        length_m: from the shoulder to the grip of a stretched arm.
    """

    def __init__(self, model: BodyModel, posture_rad: FloatArray) -> None:
        self._model, self._data = model, model.data()
        self._posture_rad = posture_rad
        self._shoulders = [model.pin_model.getJointId(f"{side}_shoulder_roll_joint") for side in _SIDES]
        elbows = [model.pin_model.getJointId(f"{side}_elbow_joint") for side in _SIDES]
        grips = self.grips(Configuration.standing(model.embodiment))
        shoulder, elbow = (self._data.oMi[joint[0]].translation for joint in (self._shoulders, elbows))
        self.length_m = float(np.linalg.norm(elbow - shoulder) + np.linalg.norm(grips[0, :3, 3] - elbow))

    def at_rest(
        self, configuration: Configuration, quat_world_from_pelvis_wxyz: FloatArray, waist_rad: FloatArray
    ) -> Configuration:
        """The configuration with hanging arms, and with pelvis and waist as they are meant: no hand pulls at them.

        Args:
            configuration: what it is.
            quat_world_from_pelvis_wxyz: [4] orientation of the pelvis.
            waist_rad: [3] yaw, roll and pitch.
        """
        joints_rad = configuration.joint_position_rad.copy()
        joints_rad[MOTOR_WAIST], joints_rad[MOTOR_ARMS] = waist_rad, self._posture_rad[MOTOR_ARMS]
        return Configuration(
            position_pelvis_in_world_m=configuration.position_pelvis_in_world_m,
            quat_world_from_pelvis_wxyz=quat_world_from_pelvis_wxyz,
            joint_position_rad=joints_rad,
        )

    def grips(self, configuration: Configuration) -> FloatArray:
        """[side, 4, 4] poses of the grips in the world."""
        model, data = self._model.pin_model, self._data
        pin.forwardKinematics(model, data, configuration.vector)
        frames = self._model.grip_frames
        return np.array([pin.updateFramePlacement(model, data, frame).homogeneous for frame in frames])

    def shoulders(self, configuration: Configuration) -> FloatArray:
        """[side, 4, 4] poses of the shoulders in the world."""
        pin.forwardKinematics(self._model.pin_model, self._data, configuration.vector)
        return np.array([self._data.oMi[joint].homogeneous for joint in self._shoulders])


def within_reach(target: PoseTarget | None, shoulder_m: FloatArray, reach_m: float) -> PoseTarget | None:
    """The target, or the point on the way to it that is not farther than `reach_m` from the shoulder."""
    if target is None:
        return None
    away_m = target.position_in_world_m - shoulder_m
    distance_m = float(np.linalg.norm(away_m))
    if distance_m <= reach_m:
        return target
    return PoseTarget(
        position_in_world_m=shoulder_m + away_m * (reach_m / distance_m),
        quat_world_from_frame_wxyz=target.quat_world_from_frame_wxyz,
    )


def beside_body(target: PoseTarget | None, outwards: float) -> PoseTarget | None:
    """The target, brought to its own side and before the body: across it, an arm swings the waist.

    Args:
        target: in the stance frame.
        outwards: 1 for the left hand, -1 for the right one.
    """
    if target is None:
        return None
    x, y, z = target.position_in_world_m
    nearest_m = np.array([np.clip(x, *_AHEAD_M), outwards * np.clip(outwards * y, *_OUTWARDS_M), z])
    return PoseTarget(position_in_world_m=nearest_m, quat_world_from_frame_wxyz=target.quat_world_from_frame_wxyz)
