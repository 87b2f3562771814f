"""A slow way down in balance, from whatever pose a robot holds to a crouch from which nothing can fall far."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hlm.control.interpolation import minimum_jerk
from hlm.control.inverse_kinematics import BodyTargets, PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.layout import MOTOR_LEGS_AND_WAIST, pack, unpack
from hlm.core.rotations import quat_from_roll_pitch_yaw, quat_from_yaw, roll_pitch_yaw_from_quat

# Near the end of what knees can bend: what braking motors let sink from there falls a hand's breadth.
PELVIS_HEIGHT_M = 0.22
PELVIS_PITCH_RAD = 0.4
# The whole way from standing; its fastest instant is 1.9 times its mean.
LONGEST_S, SHORTEST_S = 3.0, 1.0
_STANDING_WAY_M = 0.5
# A foot in the air comes down first.
_LANDING_S = 0.5
_ITERATIONS = 2
# From which an arm's reference follows the arm: 2 Nm at its stiffness; a cup bends it by less.
_YIELD_RAD = 0.05


class Descent:
    """References of a descent: soles flat where they are, centre of mass over them, arms as they are.

    Arms that touch something, such as the board of a shelf, yield: the body must not hang on them.

    Args:
        model: the robot.
        vector: [34] reference that the robot holds.
    """

    def __init__(self, model: BodyModel, vector: FloatArray) -> None:
        joints_rad, self._opening, (roll_rad, pitch_rad, _) = unpack(vector)
        self._model = model
        self._ik = WholeBodyIK(model)
        self._roll_pitch_rad = np.array([roll_rad, pitch_rad])
        on_origin = Configuration(
            position_pelvis_in_world_m=np.zeros(3),
            quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(np.array([roll_rad, pitch_rad, 0.0])),
            joint_position_rad=joints_rad,
        )
        soles = [model.pose_world_from(f"{side}_sole", on_origin) for side in ("left", "right")]
        lift_m = -min(float(sole[2, 3]) for sole in soles)
        self._sole_m = np.array([sole[:3, 3] + [0.0, 0.0, lift_m] for sole in soles])
        self._sole_quat = [quat_from_yaw(np.arctan2(sole[1, 0], sole[0, 0])) for sole in soles]
        self._now = self._start = replace(on_origin, position_pelvis_in_world_m=np.array([0.0, 0.0, lift_m]))
        self._com_m = model.com_position_in_world_m(self._start)[:2]
        way_m = max(lift_m - PELVIS_HEIGHT_M, 0.0)
        self._end_m = lift_m - way_m
        self.duration_s = float(np.clip(LONGEST_S * way_m / _STANDING_WAY_M, SHORTEST_S, LONGEST_S))

    def at(self, elapsed_s: float, measured_rad: FloatArray) -> FloatArray:
        """[34] reference some time after the start, to be asked for a few hundredths of a second apart.

        Args:
            elapsed_s: time since the start, increasing.
            measured_rad: [joint] measured angles.
        """
        travelled = minimum_jerk(min(elapsed_s / self.duration_s, 1.0))
        landed = minimum_jerk(min(elapsed_s / _LANDING_S, 1.0))
        roll_rad, pitch_rad = self._roll_pitch_rad + travelled * (
            np.array([0.0, PELVIS_PITCH_RAD]) - self._roll_pitch_rad
        )
        sole_m = self._sole_m * [1.0, 1.0, 1.0 - landed]
        left, right = (
            PoseTarget(position_in_world_m=position_m, quat_world_from_frame_wxyz=quat)
            for position_m, quat in zip(sole_m, self._sole_quat, strict=True)
        )
        start_m = self._start.position_pelvis_in_world_m[2]
        targets = BodyTargets(
            soles=(left, right),
            pelvis_height_m=start_m + travelled * (self._end_m - start_m),
            quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(np.array([roll_rad, pitch_rad, 0.0])),
            com_position_in_world_m=self._com_m + travelled * (sole_m[:, :2].mean(axis=0) - self._com_m),
            joint_position_rad=self._start.joint_position_rad,
        )
        solved = self._ik.solve(targets, self._now, _ITERATIONS)
        joints_rad = np.clip(self._now.joint_position_rad, measured_rad - _YIELD_RAD, measured_rad + _YIELD_RAD)
        joints_rad[MOTOR_LEGS_AND_WAIST] = solved.joint_position_rad[MOTOR_LEGS_AND_WAIST]
        self._now = replace(solved, joint_position_rad=joints_rad)
        roll_rad, pitch_rad, _ = roll_pitch_yaw_from_quat(solved.quat_world_from_pelvis_wxyz)
        return pack(joints_rad, self._opening, np.array([roll_rad, pitch_rad, 0.0]))
