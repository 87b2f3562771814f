"""The configuration that comes nearest to the targets of all parts, within the robot's limits.

Each iteration is a quadratic program: the weighted errors of all parts, linearized, are made as small as limits of
joints, limits of speeds and the distance that arms and legs keep from the rest of the body allow.
"""

from __future__ import annotations

from dataclasses import dataclass

import daqp
import numpy as np
import pinocchio as pin

from hlm.control.checks import require_positive
from hlm.control.model import BASE_DOFS, DOFS, BodyModel, Configuration
from hlm.control.self_distance import Gaps, SelfDistance
from hlm.core.arrays import FloatArray
from hlm.core.layout import JOINTS, MOTOR_WAIST_PITCH, MOTOR_WAIST_ROLL
from hlm.core.ranges import must_be_at_least
from hlm.teleop.keypoints.named_points import SIDES
from hlm.teleop.keypoints.rigid import cross, known
from hlm.teleop.keypoints.robot_targets import RobotTargets

_SOLVED, _SOLVED_SOFTLY = 1, 2
_SOFT = 8
_NEAR_M = 0.08
_CLOSE_M, _CAREFUL_RAD = 0.04, 0.1
_TOLERATED_SHARE = 0.75
_WORLD = pin.ReferenceFrame.LOCAL_WORLD_ALIGNED


@dataclass(frozen=True, kw_only=True, slots=True)
class KeypointIKConfig:
    """Weights and limits of `KeypointIK`.

    The cost is the sum of the squares of weight x error, as in `hlm.control.inverse_kinematics`.

    Attributes:
        iterations: per frame.
        repairs: more of them at most, while parts are too near to each other.
        sole_position_weight_per_m: position of each sole in the air.
        sole_rotation_weight_per_rad: orientation of each sole in the air.
        standing_factor: of both, of a sole that stands.
        grip_position_weight_per_m: position of each grip.
        grip_rotation_weight_per_rad: orientation of each grip.
        elbow_weight_per_m: position of each elbow.
        pelvis_position_weight_per_m: position of the pelvis.
        pelvis_rotation_weight_per_rad: orientation of the pelvis.
        torso_weight_per_rad: orientation of the torso.
        posture_weight_per_rad: distance of each joint from the default pose.
        waist_tilt_weight_per_rad: the same for waist roll and pitch.
        damping_weight_per_rad: change of each degree of freedom in an iteration.
        limit_margin_rad: distance kept from each joint limit.
        joint_speed_share: top speed of each joint, as a share of its motor's: 0.3 is what the limits of references
            let through.
        base_speed: top speed of the pelvis, m/s and rad/s.
        self_distance_m: distance that forearms, grippers and legs keep from other parts.
        max_error_m: longer errors are shortened to this in an iteration.
        max_error_rad: the same of orientations.
    """

    iterations: int = 2
    repairs: int = 4
    sole_position_weight_per_m: float = 20.0
    sole_rotation_weight_per_rad: float = 5.0
    standing_factor: float = 2.0
    grip_position_weight_per_m: float = 10.0
    grip_rotation_weight_per_rad: float = 1.0
    elbow_weight_per_m: float = 2.0
    pelvis_position_weight_per_m: float = 8.0
    pelvis_rotation_weight_per_rad: float = 2.0
    torso_weight_per_rad: float = 1.5
    posture_weight_per_rad: float = 0.02
    waist_tilt_weight_per_rad: float = 0.05
    damping_weight_per_rad: float = 0.05
    limit_margin_rad: float = 0.02
    joint_speed_share: float = 0.3
    base_speed: float = 6.0
    self_distance_m: float = 0.02
    max_error_m: float = 0.2
    max_error_rad: float = 0.6

    def __post_init__(self) -> None:
        """Check ranges."""
        must_be_at_least(1, self, "iterations")
        require_positive(self, *(name for name in self.__slots__ if name not in ("iterations", "repairs")))


class KeypointIK:
    """Quadratic programs on the weighted errors of all parts.

    Args:
        model: the robot.
        config: weights and limits.
    """

    def __init__(self, model: BodyModel, config: KeypointIKConfig | None = None) -> None:
        self.config = KeypointIKConfig() if config is None else config
        self._model, self._data = model, model.data()
        embodiment = model.embodiment
        self.lower_rad = embodiment.lower_rad + self.config.limit_margin_rad
        self.upper_rad = embodiment.upper_rad - self.config.limit_margin_rad
        self.speed_rad_s = self.config.joint_speed_share * embodiment.velocity_rad_s
        self._default_rad = embodiment.default_rad
        self._posture = np.full(JOINTS, self.config.posture_weight_per_rad**2)
        self._posture[[MOTOR_WAIST_ROLL, MOTOR_WAIST_PITCH]] = self.config.waist_tilt_weight_per_rad**2
        self._distance = SelfDistance(model, legs=True)
        self._torso_frame, self._pelvis_frame = model.frame("torso"), model.frame("pelvis")
        self._elbow_frames = [model.frame(f"{side}_elbow") for side in SIDES]

    def solve(
        self, targets: RobotTargets, previous: Configuration, dt_s: float | None, iterations: int | None = None
    ) -> Configuration:
        """The configuration of this frame.

        Args:
            targets: of all parts.
            previous: configuration of the last frame, from which the iterations start.
            dt_s: time since then, > 0; None lifts the limits of speeds.
            iterations: of this frame; None means the config's.
        """
        start = previous.vector
        start[7:] = np.clip(start[7:], self.lower_rad, self.upper_rad)
        reach = np.full((2, DOFS), np.inf) if dt_s is None else self._reach(start[7:], previous, dt_s)
        vector: FloatArray = start
        moved: FloatArray = np.zeros(BASE_DOFS)
        count = self.config.iterations if iterations is None else iterations
        for number in range(count + self.config.repairs):
            gaps = self._distance.gaps(vector[7:], self.config.self_distance_m + _NEAR_M)
            if number >= count and not (gaps.distance_m < _TOLERATED_SHARE * self.config.self_distance_m).any():
                break
            low, high = self._room(vector[7:], moved, reach)
            step = self._step(targets, vector, (low, high), gaps)
            moved = moved + step[:BASE_DOFS]
            vector = pin.integrate(self._model.pin_model, vector, step)
        return Configuration.from_vector(vector)

    def self_distance_m(self, configuration: Configuration) -> float:
        """The smallest distance between parts that should keep one."""
        return self._distance.smallest_m(configuration.joint_position_rad)

    def _reach(self, start_rad: FloatArray, previous: Configuration, dt_s: float) -> FloatArray:
        """[2, dof] what can be reached in time: changes of the base, and joint angles."""
        base = np.full(BASE_DOFS, self.config.base_speed * dt_s)
        # A robot that stands nearer to a limit than the margin comes back at its own speed.
        before_rad = previous.joint_position_rad
        low = np.minimum(before_rad - self.speed_rad_s * dt_s, start_rad)
        high = np.maximum(before_rad + self.speed_rad_s * dt_s, start_rad)
        return np.array([np.concatenate([-base, low]), np.concatenate([base, high])])

    def _room(self, joints_rad: FloatArray, moved: FloatArray, reach: FloatArray) -> tuple[FloatArray, FloatArray]:
        """[dof] smallest and largest steps of an iteration."""
        low = np.maximum(self.lower_rad, reach[0, BASE_DOFS:]) - joints_rad
        high = np.minimum(self.upper_rad, reach[1, BASE_DOFS:]) - joints_rad
        return (
            np.concatenate([reach[0, :BASE_DOFS] - moved, np.minimum(low, 0.0)]),
            np.concatenate([reach[1, :BASE_DOFS] - moved, np.maximum(high, 0.0)]),
        )

    def _step(
        self, targets: RobotTargets, vector: FloatArray, room: tuple[FloatArray, FloatArray], gaps: Gaps
    ) -> FloatArray:
        """[dof] the best step of an iteration."""
        jacobian, error = self._rows(targets, vector)
        hessian, gradient = jacobian.T @ jacobian, -(error @ jacobian)
        hessian.flat[:: DOFS + 1] += self.config.damping_weight_per_rad**2
        hessian.flat[BASE_DOFS * (DOFS + 1) :: DOFS + 1] += self._posture
        gradient[BASE_DOFS:] -= self._posture * (self._default_rad - vector[7:])
        low, high = room
        if (gaps.distance_m < _CLOSE_M).any():
            low, high = np.maximum(low, -_CAREFUL_RAD), np.minimum(high, _CAREFUL_RAD)
        rows, least = self._apart(gaps, low[BASE_DOFS:], high[BASE_DOFS:])
        upper = np.concatenate([high, np.full(len(least), np.inf)])
        lower = np.concatenate([low, least])
        sense = np.zeros(len(upper), dtype=np.int32)
        step, _, flag, _ = daqp.solve(hessian, gradient, rows, upper, lower, sense)
        if flag != _SOLVED:
            # Not all distances can be kept at once: as well as can be.
            sense[DOFS:] = _SOFT
            step, _, flag, _ = daqp.solve(hessian, gradient, rows, upper, lower, sense)
        if flag not in (_SOLVED, _SOLVED_SOFTLY) or not known(step):
            return np.zeros(DOFS)
        return np.clip(step, low, high)

    def _apart(self, gaps: Gaps, low_rad: FloatArray, high_rad: FloatArray) -> tuple[FloatArray, FloatArray]:
        """[pair, dof] gradients of distances that are small, and [pair] how they may change at the least, m."""
        gradient = gaps.gradient_m_rad
        # No faster than the joints can.
        best_m = np.where(gradient > 0.0, gradient * high_rad, gradient * low_rad).sum(axis=1)
        least_m = np.minimum(self.config.self_distance_m - gaps.distance_m, 0.5 * best_m)
        return np.hstack([np.zeros((len(least_m), BASE_DOFS)), gradient]), least_m

    def _rows(self, targets: RobotTargets, vector: FloatArray) -> tuple[FloatArray, FloatArray]:
        """[row, dof] weighted Jacobians and [row] weighted errors of all parts."""
        config, data = self.config, self._data
        pin.computeJointJacobians(self._model.pin_model, data, vector)
        jacobian, error = np.zeros((45, DOFS)), np.zeros(45)
        row = 0
        for side in (0, 1):
            factor = config.standing_factor if targets.stands[side] else 1.0
            row = self._add(
                (jacobian, error, row),
                self._model.sole_frames[side],
                (targets.soles_m[side], targets.soles[side]),
                (factor * config.sole_position_weight_per_m, factor * config.sole_rotation_weight_per_rad),
            )
            grip = self._model.grip_frames[side]
            first = row
            row = self._add(
                (jacobian, error, row),
                grip,
                (targets.grips_m[side], targets.grips[side]),
                (config.grip_position_weight_per_m, config.grip_rotation_weight_per_rad),
            )
            if not targets.grip_turns[side]:
                self._forget_turn(jacobian[first + 3 : row], error[first + 3 : row], grip, targets.grips[side])
            row = self._add(
                (jacobian, error, row),
                self._elbow_frames[side],
                (targets.elbows_m[side], None),
                (config.elbow_weight_per_m, 0.0),
            )
        row = self._add(
            (jacobian, error, row), self._torso_frame, (None, targets.torso), (0.0, config.torso_weight_per_rad)
        )
        pelvis = self._model.frame("pelvis")
        row = self._add(
            (jacobian, error, row),
            pelvis,
            (targets.pelvis_m, targets.pelvis),
            (config.pelvis_position_weight_per_m, config.pelvis_rotation_weight_per_rad),
        )
        return jacobian[:row], error[:row]

    def _add(
        self,
        rows: tuple[FloatArray, FloatArray, int],
        frame: int,
        target: tuple[FloatArray | None, FloatArray | None],
        weights: tuple[float, float],
    ) -> int:
        """Fill in the rows of a frame's position and orientation; returns the next free row."""
        jacobian, error, row = rows
        model, data, config = self._model.pin_model, self._data, self.config
        placement = pin.updateFramePlacement(model, data, frame)
        of_frame = pin.getFrameJacobian(model, data, frame, _WORLD)
        place_m, rotation = target
        if place_m is not None and known(place_m):
            jacobian[row : row + 3] = weights[0] * of_frame[:3]
            error[row : row + 3] = weights[0] * _shortened(place_m - placement.translation, config.max_error_m)
            row += 3
        if rotation is not None:
            turn_rad = pin.log3(rotation @ placement.rotation.T)
            jacobian[row : row + 3] = weights[1] * of_frame[3:]
            error[row : row + 3] = weights[1] * _shortened(turn_rad, config.max_error_rad)
            row += 3
        return row

    def _forget_turn(self, jacobian: FloatArray, error: FloatArray, frame: int, target: FloatArray) -> None:
        """Leave the turn about a grip's x axis free: only where the axis points counts."""
        axis = self._data.oMf[frame].rotation[:, 0]
        wanted = target[:, 0]
        turn = cross(axis, wanted)
        sine, cosine = float(np.sqrt(turn @ turn)), float(axis @ wanted)
        angle_rad = float(np.arctan2(sine, cosine))
        weight = self.config.grip_rotation_weight_per_rad
        error[:] = weight * _shortened(turn * (angle_rad / max(sine, 1e-9)), self.config.max_error_rad)
        jacobian -= np.outer(axis, axis @ jacobian)


def _shortened(error: FloatArray, longest: float) -> FloatArray:
    """The error, no longer than `longest`."""
    length = float(np.sqrt(error @ error))
    return error if length <= longest else error * (longest / length)
