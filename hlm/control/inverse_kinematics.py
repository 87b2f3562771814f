"""Whole-body inverse kinematics: the configuration that fits targets of feet, hands, pelvis and balance best.

As accurate as pin-pink and mink at the same weights, and 1.4 (mink) to 2.4 times (pin-pink) as fast along motions,
because joint limits need no quadratic program: `scripts/bench/inverse_kinematics.py`. What is out of reach ends in a
still arm that is stretched towards it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pinocchio as pin

from hlm.control.model import BASE_DOFS, DOFS, BodyModel, Configuration, rotation_from_quat
from hlm.control.self_distance import Gaps
from hlm.control.walls import Walls
from hlm.control.weighted_rows import RowList, Rows
from hlm.core.arrays import FloatArray, frozen
from hlm.core.errors import InputError, MismatchError
from hlm.core.layout import JOINTS, MOTOR_LEFT_ARM, MOTOR_RIGHT_ARM, MOTOR_WAIST_PITCH, MOTOR_WAIST_ROLL
from hlm.core.ranges import must_be_at_least
from hlm.core.rotations import must_be_unit

_HEIGHT_AXIS = 2
# Where a target is out of reach, the damping grows by these factors until the step is small enough to help.
_DAMPING_FACTORS = (1.0, 4.0, 16.0, 64.0)
_ROUNDING = 1e-9
# How often an iteration looks whether its step presses on one more wall.
_LOOKS = 3
# A smaller step, in rad and m, is none.
_STILL = 1e-5


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class PoseTarget:
    """Target pose of a frame.

    Attributes:
        position_in_world_m: [3].
        quat_world_from_frame_wxyz: [4] unit quaternion; None leaves the orientation free.
    """

    position_in_world_m: FloatArray
    quat_world_from_frame_wxyz: FloatArray | None = None

    def __post_init__(self) -> None:
        """Check shapes and quaternions, and make the arrays read-only copies."""
        object.__setattr__(self, "position_in_world_m", frozen(self.position_in_world_m, (3,), "target position"))
        if self.quat_world_from_frame_wxyz is not None:
            quat = frozen(self.quat_world_from_frame_wxyz, (4,), "target orientation")
            must_be_unit(quat, "target orientation")
            object.__setattr__(self, "quat_world_from_frame_wxyz", quat)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyTargets:
    """Targets of the whole body; a target that is None leaves its part free.

    Attributes:
        soles: targets of the frames `left_sole` and `right_sole`.
        grips: targets of the frames `left_grip` and `right_grip`.
        pelvis_height_m: height of the pelvis above the world's origin.
        quat_world_from_pelvis_wxyz: [4] unit quaternion.
        com_position_in_world_m: [2] x and y of the centre of mass, usually the middle of the soles.
        joint_position_rad: [29] posture that the free joints tend to; None means the embodiment's default pose.
    """

    soles: tuple[PoseTarget | None, PoseTarget | None] = (None, None)
    grips: tuple[PoseTarget | None, PoseTarget | None] = (None, None)
    pelvis_height_m: float | None = None
    quat_world_from_pelvis_wxyz: FloatArray | None = None
    com_position_in_world_m: FloatArray | None = None
    joint_position_rad: FloatArray | None = None

    def __post_init__(self) -> None:
        """Check shapes and quaternions, and make the arrays read-only copies."""
        for name, size in (
            ("quat_world_from_pelvis_wxyz", 4),
            ("com_position_in_world_m", 2),
            ("joint_position_rad", JOINTS),
        ):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, frozen(getattr(self, name), (size,), name))
        if self.quat_world_from_pelvis_wxyz is not None:
            must_be_unit(self.quat_world_from_pelvis_wxyz, "quat_world_from_pelvis_wxyz")


@dataclass(frozen=True, kw_only=True, slots=True)
class IKConfig:
    """Weights and limits of `WholeBodyIK`.

    The cost is the sum of the squares of weight x error: with weights of 10 /m and 1 /rad, 10 cm cost as much as 1 rad.

    Attributes:
        iterations: Gauss-Newton iterations per call.
        sole_position_weight_per_m: position of each sole.
        sole_rotation_weight_per_rad: orientation of each sole.
        grip_position_weight_per_m: position of each grip.
        grip_rotation_weight_per_rad: orientation of each grip.
        com_weight_per_m: x and y of the centre of mass.
        pelvis_height_weight_per_m: height of the pelvis.
        pelvis_rotation_weight_per_rad: orientation of the pelvis.
        posture_weight_per_rad: distance of each joint from the posture.
        free_arm_weight_per_rad: the same for arms without a target; None counts them as all joints.
        waist_tilt_weight_per_rad: the same for waist roll and pitch, which people keep straighter than their arms.
        damping_weight_per_rad: change of each degree of freedom in an iteration; below 0.03 iterations overshoot.
        limit_margin_rad: distance kept from each joint limit.
        max_step_rad: largest change of a joint, and of the base in rad and m, in one iteration.
        max_error_m: longest position error that one iteration tries to remove.
    """

    iterations: int = 4
    sole_position_weight_per_m: float = 20.0
    sole_rotation_weight_per_rad: float = 5.0
    grip_position_weight_per_m: float = 5.0
    grip_rotation_weight_per_rad: float = 0.5
    com_weight_per_m: float = 10.0
    pelvis_height_weight_per_m: float = 3.0
    pelvis_rotation_weight_per_rad: float = 1.0
    posture_weight_per_rad: float = 0.02
    free_arm_weight_per_rad: float | None = None
    waist_tilt_weight_per_rad: float = 0.1
    damping_weight_per_rad: float = 0.04
    limit_margin_rad: float = 0.02
    max_step_rad: float = 0.3
    max_error_m: float = 0.15

    def __post_init__(self) -> None:
        """Check ranges."""
        must_be_at_least(1, self, "iterations")
        if self.damping_weight_per_rad <= 0.0 or self.max_step_rad <= 0.0 or self.max_error_m <= 0.0:
            raise InputError("damping_weight_per_rad, max_step_rad and max_error_m must be positive.")


class _Place(NamedTuple):
    """A configuration vector on the way, its rows, the shapes that are near each other, and what it costs.

    Before a wall, which needs much damping each time, the next iteration begins with little less than the last one.
    """

    vector: FloatArray
    rows: Rows
    gaps: Gaps | None
    cost: float
    damping: int = 0


class WholeBodyIK:
    """Damped Gauss-Newton iterations on the weighted errors, within the joint limits.

    Args:
        model: the robot.
        config: weights and limits.
    """

    def __init__(self, model: BodyModel, config: IKConfig | None = None) -> None:
        self.config = IKConfig() if config is None else config
        self._model = model
        self._data = model.data()
        self._default_rad = model.embodiment.default_rad
        self._posture_weights = np.full(JOINTS, self.config.posture_weight_per_rad)
        self._posture_weights[[MOTOR_WAIST_ROLL, MOTOR_WAIST_PITCH]] = self.config.waist_tilt_weight_per_rad
        margin_rad = self.config.limit_margin_rad
        self._lower_rad = model.embodiment.lower_rad + margin_rad
        self._upper_rad = model.embodiment.upper_rad - margin_rad
        self._range = (self._lower_rad, self._upper_rad)
        self._walls: Walls | None = None

    @property
    def model(self) -> BodyModel:
        """The robot."""
        return self._model

    @property
    def limits_rad(self) -> tuple[FloatArray, FloatArray]:
        """[29] least and [29] largest angles, with their margin."""
        return self._lower_rad.copy(), self._upper_rad.copy()

    def solve(
        self,
        targets: BodyTargets,
        start: Configuration,
        iterations: int | None = None,
        range_rad: tuple[FloatArray, FloatArray] | None = None,
        walls: Walls | None = None,
    ) -> Configuration:
        """The configuration after some iterations from `start` towards the targets.

        Along a motion, with each call starting from the last solution, the default number of iterations follows
        closely; a far target needs 20 to 50.

        Args:
            targets: targets of the body.
            start: configuration to start from.
            iterations: number of iterations; None means the config's.
            range_rad: [29] least and [29] largest angles of this call, inside the joint limits; None means the limits.
            walls: keep shapes of the body apart; they may give way a little.

        Raises:
            MismatchError: a target is not finite.
            InputError: `iterations` is below 1.
        """
        count = self.config.iterations if iterations is None else iterations
        if count < 1:
            raise InputError(f"iterations must be at least 1, got {count}.")
        vector = start.vector
        vector[7:] = np.clip(vector[7:], self._lower_rad, self._upper_rad)
        self._range = (self._lower_rad, self._upper_rad) if range_rad is None else range_rad
        self._walls = walls
        place = self._place(targets, vector)
        for _ in range(count):
            better = self._better(targets, place)
            if better is None:
                break
            moved, place = better.vector - place.vector, better
            if walls is not None and np.abs(moved).max() < _STILL:
                break  # walls take time
        return Configuration.from_vector(place.vector)

    def _better(self, targets: BodyTargets, here: _Place) -> _Place | None:
        """A place that costs no more; None when there is none nearby.

        Full steps towards a target that can be reached always cost less. Towards one that cannot be reached they
        overshoot near the stretched arm: those steps are damped more, as in the method of Levenberg and Marquardt.
        """
        rows = here.rows
        normal, gradient = rows.jacobian.T @ rows.jacobian, rows.jacobian.T @ rows.error
        for number in range(max(0, here.damping - 1), len(_DAMPING_FACTORS)):
            factor, damped = _DAMPING_FACTORS[number], normal.copy()
            damped.flat[:: DOFS + 1] += (factor * self.config.damping_weight_per_rad) ** 2
            step = self._step_before_walls(damped, gradient, here)
            if not np.all(np.isfinite(step)):
                raise MismatchError("a target of the inverse kinematics is not finite.")
            vector = pin.integrate(self._model.pin_model, here.vector, step)
            vector[7:] = np.clip(vector[7:], *self._range)
            there = self._place(targets, vector)
            if there.cost <= here.cost * (1.0 + _ROUNDING):
                return there if self._walls is None else there._replace(damping=number)
        return None

    def _place(self, targets: BodyTargets, vector: FloatArray) -> _Place:
        rows = self._rows(targets, vector)
        if self._walls is None:
            return _Place(vector, rows, None, rows.cost)
        gaps = self._walls.near(vector[7:])
        return _Place(vector, rows, gaps, rows.cost + self._walls.cost(gaps))

    def _step_before_walls(self, normal: FloatArray, gradient: FloatArray, here: _Place) -> FloatArray:
        """[dof] step inside the limits, with the springs of the walls that it presses on."""
        joints_rad, gaps = here.vector[7:], here.gaps
        step = self._step_inside_limits(normal, gradient, joints_rad)
        if self._walls is None or gaps is None:
            return step
        pressed = np.zeros(len(gaps.distance_m), dtype=bool)
        for _ in range(_LOOKS):
            more = self._walls.pressed(gaps, step) & ~pressed
            if not more.any():
                break
            pressed |= more
            jacobian, error = self._walls.rows(gaps, pressed)
            stiff, push = normal + jacobian.T @ jacobian, gradient + jacobian.T @ error
            step = self._step_inside_limits(stiff, push, joints_rad)
        return step

    def _rows(self, targets: BodyTargets, vector: FloatArray) -> Rows:
        """Rows of all targets at a configuration vector."""
        config, model, data = self.config, self._model.pin_model, self._data
        pin.computeJointJacobians(model, data, vector)
        rows = RowList(config.max_error_m)
        for frame, target in zip(self._model.sole_frames, targets.soles, strict=True):
            self._add_pose(
                rows, frame, target, (config.sole_position_weight_per_m, config.sole_rotation_weight_per_rad)
            )
        for frame, target in zip(self._model.grip_frames, targets.grips, strict=True):
            self._add_pose(
                rows, frame, target, (config.grip_position_weight_per_m, config.grip_rotation_weight_per_rad)
            )
        if targets.com_position_in_world_m is not None:
            jacobian = pin.jacobianCenterOfMass(model, data, False)  # noqa: FBT003 - Pinocchio's own signature
            rows.add_offset(jacobian[:2], targets.com_position_in_world_m - data.com[0][:2], config.com_weight_per_m)
        self._add_pelvis(rows, targets, data.oMi[1])
        self._add_posture(rows, targets, vector[7:])
        return rows.stacked()

    def _add_pose(
        self, rows: RowList, frame: int, target: PoseTarget | None, weights_per_m_and_rad: tuple[float, float]
    ) -> None:
        """Add 3 rows for the position of a frame, and 3 more if its target has an orientation."""
        if target is None:
            return
        position_weight, rotation_weight = weights_per_m_and_rad
        model, data = self._model.pin_model, self._data
        placement = pin.updateFramePlacement(model, data, frame)
        jacobian = pin.getFrameJacobian(model, data, frame, pin.ReferenceFrame.LOCAL_WORLD_ALIGNED)
        rows.add_offset(jacobian[:3], target.position_in_world_m - placement.translation, position_weight)
        if target.quat_world_from_frame_wxyz is not None:
            rotation = rotation_from_quat(target.quat_world_from_frame_wxyz)
            turn_rad = pin.log3(rotation @ placement.rotation.T)
            rows.add(rotation_weight * jacobian[3:], rotation_weight * turn_rad)

    def _add_pelvis(self, rows: RowList, targets: BodyTargets, pelvis: pin.SE3) -> None:
        if targets.pelvis_height_m is not None:
            height = np.zeros((1, DOFS))
            height[0, :3] = pelvis.rotation[_HEIGHT_AXIS]
            offset_m = np.array([targets.pelvis_height_m - pelvis.translation[_HEIGHT_AXIS]])
            rows.add_offset(height, offset_m, self.config.pelvis_height_weight_per_m)
        if targets.quat_world_from_pelvis_wxyz is not None:
            turn = np.zeros((3, DOFS))
            np.fill_diagonal(turn[:, 3:BASE_DOFS], self.config.pelvis_rotation_weight_per_rad)
            turn_rad = pin.log3(pelvis.rotation.T @ rotation_from_quat(targets.quat_world_from_pelvis_wxyz))
            rows.add(turn, self.config.pelvis_rotation_weight_per_rad * turn_rad)

    def _add_posture(self, rows: RowList, targets: BodyTargets, joints_rad: FloatArray) -> None:
        """Add a row for each joint."""
        posture_rad = self._default_rad if targets.joint_position_rad is None else targets.joint_position_rad
        weights, free_arm = self._posture_weights.copy(), self.config.free_arm_weight_per_rad
        for arm, grip in zip((MOTOR_LEFT_ARM, MOTOR_RIGHT_ARM), targets.grips, strict=True):
            if grip is None and free_arm is not None:
                weights[arm] = free_arm
        jacobian = np.zeros((JOINTS, DOFS))
        np.fill_diagonal(jacobian[:, BASE_DOFS:], weights)
        rows.add(jacobian, weights * (posture_rad - joints_rad))

    def _step_inside_limits(self, normal: FloatArray, gradient: FloatArray, joints_rad: FloatArray) -> FloatArray:
        """[dof] solution of `normal @ step = gradient` with joints held at their limits, the others adapted."""
        room = np.full((2, DOFS), np.inf)
        lower_rad, upper_rad = self._range
        room[0, BASE_DOFS:] = joints_rad - lower_rad
        room[1, BASE_DOFS:] = upper_rad - joints_rad
        step = np.linalg.solve(normal, gradient)
        at_limit = np.zeros(DOFS, dtype=bool)
        for _ in range(3):
            beyond = ((step < -room[0]) | (step > room[1])) & ~at_limit
            if not beyond.any():
                break
            step[beyond] = np.clip(step[beyond], -room[0, beyond], room[1, beyond])
            at_limit |= beyond
            free = ~at_limit
            rest = gradient[free] - normal[np.ix_(free, at_limit)] @ step[at_limit]
            step[free] = np.linalg.solve(normal[np.ix_(free, free)], rest)
        return step * min(1.0, self.config.max_step_rad / max(float(np.abs(step).max()), 1e-9))
