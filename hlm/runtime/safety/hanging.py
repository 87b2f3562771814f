"""What a robot does that hangs from a crane: it takes a standing pose, and waits until its feet carry it."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from hlm.control.interpolation import minimum_jerk
from hlm.control.model import BodyModel, Configuration
from hlm.control.tracker.support_polygon import convex_hull, project_onto_polygon, scaled_polygon
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.layout import MOTOR_ORDER
from hlm.core.rotations import roll_pitch_yaw_from_quat
from hlm.core.values import JointCommand, RobotState

_KNEES = [MOTOR_ORDER.index("left_knee"), MOTOR_ORDER.index("right_knee")]
_HIPS_ROLL = [MOTOR_ORDER.index("left_hip_roll"), MOTOR_ORDER.index("right_hip_roll")]
_HIPS_PITCH = [MOTOR_ORDER.index("left_hip_pitch"), MOTOR_ORDER.index("right_hip_pitch")]
# Legs turn against the pelvis' tilt so that they hang down, as slowly as a robot swings, and no further.
_LEVEL_S = 1.0
_MOST_LEVELLED_RAD = 0.3
# The fastest instant of the way is 1.9 times its mean; knees that hang straight have 0.7 rad to go.
_MEAN_RAD_S = 0.3
_LEAST_S = 2.0
_BASE = 6  # velocities of the floating base
# Of the soles' area, about its middle: balance cannot be taken up from a mass over the edge.
_MIDDLE = 0.6


class Hanging:
    """Joint commands for a robot that hangs, and whether it still does.

    Motors hold the weight of the limbs, and in the air legs turn against the tilt of the pelvis, so that feet come down
    below the centre of mass also where the crane holds the robot a bit in front of it or behind.

    Args:
        model: the robot.
        carried_rad: by which both knees are bent further than in the air when the feet carry.
        carried_s: for how long.
    """

    def __init__(self, model: BodyModel, carried_rad: float, carried_s: float) -> None:
        embodiment = model.embodiment
        self._model, self._data = model, model.data()
        self._torso = model.frame("torso")
        self._carried_rad, self._carried_s = carried_rad, carried_s
        self._pose_rad = embodiment.default_rad
        self._kp, self._kd = embodiment.kp_nm_rad, embodiment.kd_nm_s_rad
        self._still: FloatArray = np.zeros(len(embodiment.joints))

    def reset(self, state: RobotState) -> None:
        """Begin at a measured pose."""
        self._from_rad, self._begun_ns = state.joint_position_rad, state.stamp_ns
        self._gripper_opening = state.gripper_opening
        way_rad = float(np.abs(self._pose_rad - self._from_rad).max())
        self._duration_s = max(_LEAST_S, way_rad / _MEAN_RAD_S)
        self._free_rad: FloatArray | None = None
        self._loaded_ns: int | None = None
        self._tilt_rad: FloatArray = np.zeros(2)
        self._stepped_ns = state.stamp_ns

    def command(self, state: RobotState, now_ns: int) -> JointCommand:
        """The command at an instant: on the way to a standing pose, without balance."""
        share = min((now_ns - self._begun_ns) / NS_PER_S / self._duration_s, 1.0)
        pose_rad = self._pose_rad.copy()
        pose_rad[_HIPS_ROLL] -= self._tilt_rad[0]
        pose_rad[_HIPS_PITCH] -= self._tilt_rad[1]
        position_rad = self._from_rad + minimum_jerk(share) * (pose_rad - self._from_rad)
        return JointCommand(
            now_ns,
            position_rad,
            self._still,
            self._kp,
            self._kd,
            self._weight_nm(state),
            self._gripper_opening,
        )

    def carried(self, state: RobotState) -> bool:
        """Whether feet below the centre of mass have carried the robot for a moment, once it has taken its pose."""
        passed_s, self._stepped_ns = (state.stamp_ns - self._stepped_ns) / NS_PER_S, state.stamp_ns
        if (state.stamp_ns - self._begun_ns) / NS_PER_S < self._duration_s:
            self._level(state, passed_s)
            return False
        sag_rad = (state.joint_position_rad - self._pose_rad)[_KNEES]
        self._free_rad = sag_rad if self._free_rad is None else np.minimum(self._free_rad, sag_rad)
        further_rad = sag_rad - self._free_rad
        if float(further_rad.max()) < 0.2 * self._carried_rad:
            self._level(state, passed_s)
        if float(further_rad.min()) < self._carried_rad or not self._above_its_feet(state):
            self._loaded_ns = None
            return False
        self._loaded_ns = state.stamp_ns if self._loaded_ns is None else self._loaded_ns
        return (state.stamp_ns - self._loaded_ns) / NS_PER_S >= self._carried_s

    def _level(self, state: RobotState, passed_s: float) -> None:
        """Follow the tilt of the pelvis, roll and pitch."""
        tilt_rad = roll_pitch_yaw_from_quat(state.quat_world_from_pelvis_wxyz)[:2]
        self._tilt_rad += min(passed_s / _LEVEL_S, 1.0) * (tilt_rad - self._tilt_rad)
        self._tilt_rad = np.clip(self._tilt_rad, -_MOST_LEVELLED_RAD, _MOST_LEVELLED_RAD)

    def _weight_nm(self, state: RobotState) -> FloatArray:
        """[joint] torques that hold legs and arms on a torso that is held."""
        model, data, vector = self._model.pin_model, self._data, _pose(state).vector
        gravity = pin.computeGeneralizedGravity(model, data, vector)
        jacobian = pin.computeFrameJacobian(model, data, vector, self._torso, pin.ReferenceFrame.LOCAL_WORLD_ALIGNED)
        # The wrench on the torso that holds the pelvis too, which has no motor.
        wrench = np.linalg.solve(jacobian[:, :_BASE].T, gravity[:_BASE])
        torque_nm: FloatArray = gravity[_BASE:] - jacobian[:, _BASE:].T @ wrench
        return torque_nm

    def _above_its_feet(self, state: RobotState) -> bool:
        model, pose = self._model, _pose(state)
        com_m = model.com_position_in_world_m(pose)[:2]
        corners_m = np.concatenate(
            [
                (model.pose_world_from(f"{side}_sole", pose) @ _homogeneous(model.sole_corners_m))[:2].T
                for side in ("left", "right")
            ]
        )
        middle_m = scaled_polygon(convex_hull(corners_m), _MIDDLE)
        return bool(np.array_equal(project_onto_polygon(middle_m, com_m), com_m))


def _pose(state: RobotState) -> Configuration:
    return Configuration(
        position_pelvis_in_world_m=np.zeros(3),
        quat_world_from_pelvis_wxyz=state.quat_world_from_pelvis_wxyz,
        joint_position_rad=state.joint_position_rad,
    )


def _homogeneous(points_m: FloatArray) -> FloatArray:
    """[4, point] of [point, 3]."""
    return np.column_stack((points_m, np.ones(len(points_m)))).T
