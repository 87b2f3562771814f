"""The configuration that comes nearest to the targets of all parts, within the robot's limits.

Each iteration is a quadratic program: the weighted errors of all parts, linearized, are made as small as limits of
joints, limits of speeds, the distance that arms and legs keep from the rest of the body, and balance allow.
"""

from __future__ import annotations

import daqp
import numpy as np
import pinocchio as pin

from hlm.control.model import BASE_DOFS, DOFS, BodyModel, Configuration
from hlm.control.self_distance import Gaps, SelfDistance
from hlm.core.arrays import FloatArray
from hlm.core.layout import JOINTS, MOTOR_ARMS, MOTOR_LEGS, MOTOR_ORDER, MOTOR_WAIST_PITCH, MOTOR_WAIST_ROLL
from hlm.teleop.keypoints.keypoint_ik_config import KeypointIKConfig
from hlm.teleop.keypoints.named_points import SIDES
from hlm.teleop.keypoints.rigid import cross, known
from hlm.teleop.keypoints.robot_targets import RobotTargets
from hlm.teleop.keypoints.support import WeightLimit, support_of

_SOLVED, _SOLVED_SOFTLY = 1, 2
_SOFT = 8
_NEAR_M = 0.08
# Steps in rad, and in m of the pelvis. Boxes turn their corners: near to them, what is linearized holds less far.
_LONGEST_STEP, _CLOSE_M, _CAREFUL_STEP = 0.3, 0.04, 0.1
_TOLERATED_SHARE = 0.75
# While an arm is too near to a leg it makes room: base, legs and waist hardly move, rad and m.
_BODY_DOFS, _LITTLE_STEP = BASE_DOFS + 15, 0.005
_NO_GAPS = Gaps(np.zeros(0), np.zeros((0, JOINTS)))
_KNEES = [MOTOR_ORDER.index(f"{side}_knee") for side in SIDES]
_ANYWHERE = np.outer([-1.0, 1.0], np.full(DOFS, np.inf))
_WORLD = pin.ReferenceFrame.LOCAL_WORLD_ALIGNED


class KeypointIK:
    """Quadratic programs on the weighted errors of all parts.

    Args:
        model: the robot.
        config: weights and limits.

    Attributes:
        lower_rad: [joint] lower limits with their margin; of knees, that they stay bent.
        upper_rad: [joint] upper limits with their margin.
        speed_rad_s: [joint] top speeds.
        self_distance_m: smallest distance of the last solution between parts that should keep one.
    """

    def __init__(self, model: BodyModel, config: KeypointIKConfig | None = None) -> None:
        self.config = KeypointIKConfig() if config is None else config
        self._model, self._data = model, model.data()
        embodiment = model.embodiment
        self.lower_rad = embodiment.lower_rad + self.config.limit_margin_rad
        self.lower_rad[_KNEES] = np.maximum(self.lower_rad[_KNEES], self.config.least_knee_rad)
        self.upper_rad = embodiment.upper_rad - self.config.limit_margin_rad
        self.speed_rad_s = self.config.joint_speed_share * embodiment.velocity_rad_s
        self.self_distance_m = np.inf
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
        vector: FloatArray = previous.vector
        reach = _ANYWHERE if dt_s is None else self._reach(previous, dt_s)
        moved: FloatArray = np.zeros(BASE_DOFS)
        weight = self._weight_limit(targets, vector, dt_s)
        count = self.config.iterations if iterations is None else iterations
        for number in range(count + self.config.repairs):
            if number >= count and self._keeps_distance(vector):
                break
            legs_first = number < count - 1 and number % 2 == 0
            step = self._step(targets, vector, self._room(vector[7:], moved, reach), weight, legs_first=legs_first)
            moved = moved + step[:BASE_DOFS]
            vector = pin.integrate(self._model.pin_model, vector, step)
        else:
            self._keeps_distance(vector)
        return Configuration.from_vector(vector)

    def _weight_limit(self, targets: RobotTargets, vector: FloatArray, dt_s: float | None) -> WeightLimit | None:
        """What holds the weight in this frame; None while nothing limits it."""
        margin_m = self.config.balance_margin_m
        support = None if margin_m is None else support_of(targets, self._model.sole_corners_m, margin_m)
        if support is None:
            return None
        before_m = pin.centerOfMass(self._model.pin_model, self._data, vector)[:2].copy()
        return WeightLimit(support, before_m, dt_s)

    def _keeps_distance(self, vector: FloatArray) -> bool:
        self.self_distance_m = self._distance.smallest_m(vector[7:])
        kept_m = self.config.self_distance_m
        return kept_m is None or self.self_distance_m >= _TOLERATED_SHARE * kept_m

    def _reach(self, previous: Configuration, dt_s: float) -> FloatArray:
        """[2, dof] what can be reached in time: changes of the base, and joint angles."""
        base = np.full(BASE_DOFS, self.config.base_speed * dt_s)
        before_rad, moved_rad = previous.joint_position_rad, self.speed_rad_s * dt_s
        return np.array(
            [np.concatenate([-base, before_rad - moved_rad]), np.concatenate([base, before_rad + moved_rad])]
        )

    def _room(self, joints_rad: FloatArray, moved: FloatArray, reach: FloatArray) -> tuple[FloatArray, FloatArray]:
        """[dof] smallest and largest steps of an iteration; a joint outside its limits comes back at its own speed."""
        low_rad, high_rad = reach[:, BASE_DOFS:]
        low = np.clip(self.lower_rad, low_rad, high_rad) - joints_rad
        high = np.clip(self.upper_rad, low_rad, high_rad) - joints_rad
        return (
            np.concatenate([reach[0, :BASE_DOFS] - moved, low]),
            np.concatenate([reach[1, :BASE_DOFS] - moved, high]),
        )

    def _step(
        self,
        targets: RobotTargets,
        vector: FloatArray,
        room: tuple[FloatArray, FloatArray],
        weight: WeightLimit | None,
        *,
        legs_first: bool,
    ) -> FloatArray:
        """[dof] the best step of an iteration."""
        jacobian, error = self._rows(targets, vector)
        hessian, gradient = jacobian.T @ jacobian, -(error @ jacobian)
        hessian.flat[:: DOFS + 1] += self.config.damping_weight_per_rad**2
        hessian.flat[BASE_DOFS * (DOFS + 1) :: DOFS + 1] += self._posture
        gradient[BASE_DOFS:] -= self._posture * (self._default_rad - vector[7:])
        low, high, rows, least = self._apart(vector[7:], *room, legs_first=legs_first)
        hard = DOFS + len(least)
        if weight is not None:
            rows, least = self._balanced(rows, least, weight)
        upper = np.concatenate([high, np.full(len(least), np.inf)])
        lower = np.concatenate([low, least])
        sense = np.zeros(len(upper), dtype=np.int32)
        sense[hard:] = _SOFT
        step, _, flag, _ = daqp.solve(hessian, gradient, rows, upper, lower, sense)
        if flag not in (_SOLVED, _SOLVED_SOFTLY):
            # Not all distances can be kept at once: as well as can be.
            sense[DOFS:] = _SOFT
            step, _, flag, _ = daqp.solve(hessian, gradient, rows, upper, lower, sense)
        if flag not in (_SOLVED, _SOLVED_SOFTLY) or not known(step):
            return np.zeros(DOFS)
        return np.clip(step, low, high)

    def _balanced(self, rows: FloatArray, least: FloatArray, weight: WeightLimit) -> tuple[FloatArray, FloatArray]:
        """The [row, dof] rows and their [row] least values, and those of the centre of mass below them."""
        # The Jacobians of the joints are those of this iteration.
        jacobian = pin.jacobianCenterOfMass(self._model.pin_model, self._data, False)  # noqa: FBT003
        of_weight, least_m = weight.least(self._data.com[0], jacobian)
        return np.vstack([rows, of_weight]), np.concatenate([least, least_m])

    def _apart(
        self, joints_rad: FloatArray, low: FloatArray, high: FloatArray, *, legs_first: bool
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """What keeps parts apart.

        Args:
            joints_rad: [joint] angles.
            low: [dof] smallest steps.
            high: [dof] largest steps.
            legs_first: let arms and legs meet; in the next iteration arms alone make room. A squat would end where the
                thighs meet hands that hang.

        Returns:
            [dof] smallest and largest steps, [pair, dof] gradients of the distances of parts that are near each other,
            and [pair] how the distances may change at the least, m.
        """
        kept_m = self.config.self_distance_m
        gaps = _NO_GAPS if kept_m is None else self._distance.gaps(joints_rad, kept_m + _NEAR_M)
        longest = np.full(DOFS, _LONGEST_STEP)
        if (gaps.distance_m < _CLOSE_M).any():
            longest[BASE_DOFS:] = _CAREFUL_STEP
        low, high = np.clip(low, -longest, longest), np.clip(high, -longest, longest)
        gradient = np.hstack([np.zeros((len(gaps.distance_m), BASE_DOFS)), gaps.gradient_m_rad])
        of_both = gaps.gradient_m_rad[:, MOTOR_ARMS].any(axis=1) & gaps.gradient_m_rad[:, MOTOR_LEGS].any(axis=1)
        if legs_first:
            gradient, gaps = gradient[~of_both], Gaps(gaps.distance_m[~of_both], gaps.gradient_m_rad[~of_both])
        elif (gaps.distance_m[of_both] < (kept_m or 0.0)).any():
            least, most = low[:_BODY_DOFS].copy(), high[:_BODY_DOFS].copy()
            low[:_BODY_DOFS] = np.maximum(least, np.minimum(-_LITTLE_STEP, most))
            high[:_BODY_DOFS] = np.minimum(most, np.maximum(_LITTLE_STEP, least))
        # No faster than the joints can.
        best_m = np.where(gradient > 0.0, gradient * high, gradient * low).sum(axis=1)
        return low, high, gradient, np.minimum((kept_m or 0.0) - gaps.distance_m, 0.5 * best_m)

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
