"""Joint accelerations, ground forces and torques that serve the tasks best within physics, by a quadratic program."""

from __future__ import annotations

from typing import NamedTuple

import daqp
import numpy as np

from hlm.control.model import BASE_DOFS, DOFS, GRAVITY_M_S2, BodyModel
from hlm.control.tracker.config import DynamicsConfig
from hlm.control.tracker.dynamics import BodyDynamics
from hlm.core.arrays import FloatArray

_SOLVED = 1
_INEQUALITY, _EQUALITY = 0, 5
_CORNERS = 4
_FOOT_FORCES = 3 * _CORNERS
_FORCES = 2 * _FOOT_FORCES
_UNKNOWNS = DOFS + _FORCES
_ACCELERATION_REGULARIZATION = 1e-4
_UNBOUNDED = 1e30
_STANDING_M_S2 = np.array([0.0, 0.0, GRAVITY_M_S2])


class BodyTask(NamedTuple):
    """What the body should do now.

    Attributes:
        center_of_mass_m_s2: [3] wanted acceleration.
        pelvis_rad_s2: [3] wanted angular acceleration in the pelvis' frame.
        sole_acceleration: [foot, 6] wanted linear and angular acceleration of the soles, world axes.
        joint_rad_s2: [joint] wanted accelerations.
        largest_load_n: [foot] most that a foot may press down; 0 for a foot in the air.
    """

    center_of_mass_m_s2: FloatArray
    pelvis_rad_s2: FloatArray
    sole_acceleration: FloatArray
    joint_rad_s2: FloatArray
    largest_load_n: FloatArray


class BodyEffort(NamedTuple):
    """What the program found.

    Attributes:
        joint_rad_s2: [joint] accelerations.
        torque_nm: [joint].
        force_n: [foot, corner, 3] of the ground on the soles' corners, world axes.
    """

    joint_rad_s2: FloatArray
    torque_nm: FloatArray
    force_n: FloatArray

    @property
    def load_n(self) -> FloatArray:
        """[foot] vertical force under each foot."""
        return self.force_n[:, :, 2].sum(axis=1)


class DynamicsProgram:
    """The inverse-dynamics program; its matrices are allocated once and refilled.

    Unknowns: [dof] accelerations, then [foot, corner, 3] forces at the corners of the soles in world axes. Hard: the
    six equations of motion of the floating base, a friction pyramid at each corner, the largest load of each foot.
    The tasks are weighted least squares.

    Args:
        model: the body.
        config: weights and gains.
    """

    def __init__(self, model: BodyModel, config: DynamicsConfig) -> None:
        self._config = config
        self._corners_m = model.sole_corners_m
        self._hessian = np.zeros((_UNKNOWNS, _UNKNOWNS))
        self._gradient = np.zeros(_UNKNOWNS)
        self._corner_jacobian = np.zeros((2, _CORNERS, 3, DOFS))
        self._corner_offset_m = np.zeros((2, _CORNERS, 3))
        load_rows = np.zeros((2, _UNKNOWNS))
        for foot in range(2):
            first = DOFS + foot * _FOOT_FORCES
            load_rows[foot, first + 2 : first + _FOOT_FORCES : 3] = 1.0
        pyramid = _friction_pyramid(config.friction)
        self._rows = np.concatenate([np.zeros((BASE_DOFS, _UNKNOWNS)), load_rows, pyramid])
        self._lower = np.zeros(len(self._rows))
        self._upper = np.full(len(self._rows), _UNBOUNDED)
        self._sense = np.full(len(self._rows), _INEQUALITY, dtype=np.int32)
        self._sense[:BASE_DOFS] = _EQUALITY
        self._posture = np.full(DOFS - BASE_DOFS, config.weight_upper_body)
        self._posture[:12] = config.weight_legs
        push = np.tile(np.eye(3), 2 * _CORNERS) / model.mass_kg
        self._weighted_push = np.array(config.weight_center_of_mass)[:, None] * push
        self._push_hessian = push.T @ self._weighted_push + config.weight_force * np.eye(_FORCES)
        self._moment = np.zeros((3, 3, 2 * _CORNERS))

    def solve(self, body: BodyDynamics, task: BodyTask) -> BodyEffort | None:
        """The best effort, or None when the program has no solution."""
        self._place_corners(body)
        self._fill_accelerations(body, task)
        self._fill_forces(body, task)
        self._fill_limits(body, task)
        try:
            solution, _, flag, _ = daqp.solve(
                self._hessian, self._gradient, self._rows, self._upper, self._lower, self._sense
            )
        except (ValueError, TypeError):
            return None
        if flag != _SOLVED or not np.all(np.isfinite(solution)):
            return None
        acceleration, force = solution[:DOFS], solution[DOFS:]
        jacobian = self._corner_jacobian.reshape(_FORCES, DOFS)[:, BASE_DOFS:]
        torque = body.inertia[BASE_DOFS:] @ acceleration + body.bias[BASE_DOFS:] - force @ jacobian
        return BodyEffort(acceleration[BASE_DOFS:], torque, force.reshape(2, _CORNERS, 3))

    def _place_corners(self, body: BodyDynamics) -> None:
        """Offsets of the soles' corners from the soles' centres, and the corners' Jacobians."""
        for foot in range(2):
            offset = self._corners_m @ body.rotation_world_from_sole[foot].T
            self._corner_offset_m[foot] = offset
            linear, angular = body.sole_jacobian[foot, :3], body.sole_jacobian[foot, 3:]
            x, y, z = offset.T[:, :, None]
            jacobian = self._corner_jacobian[foot]
            jacobian[:, 0] = linear[0] + z * angular[1] - y * angular[2]
            jacobian[:, 1] = linear[1] + x * angular[2] - z * angular[0]
            jacobian[:, 2] = linear[2] + y * angular[0] - x * angular[1]

    def _fill_accelerations(self, body: BodyDynamics, task: BodyTask) -> None:
        """Cost of the accelerations: soles, pelvis orientation, posture."""
        config = self._config
        jacobian = body.sole_jacobian.reshape(12, DOFS)
        weighted = self._sole_weights(task.largest_load_n).reshape(12, 1) * jacobian
        wanted = (task.sole_acceleration - body.sole_drift).reshape(12)
        block = self._hessian[:DOFS, :DOFS]
        np.matmul(jacobian.T, weighted, out=block)
        gradient = self._gradient[:DOFS]
        np.matmul(wanted, weighted, out=gradient)
        diagonal = np.einsum("ii->i", block)
        diagonal += _ACCELERATION_REGULARIZATION
        diagonal[3:BASE_DOFS] += config.weight_pelvis_rotation
        gradient[3:BASE_DOFS] += config.weight_pelvis_rotation * task.pelvis_rad_s2
        diagonal[BASE_DOFS:] += self._posture
        gradient[BASE_DOFS:] += self._posture * task.joint_rad_s2
        np.negative(gradient, out=gradient)

    def _sole_weights(self, largest_load_n: FloatArray) -> FloatArray:
        """[foot, 6] weights of the soles' accelerations, by whether they stand."""
        config = self._config
        weights = np.full((2, 6), config.weight_sole)
        in_air = largest_load_n <= 0.0
        weights[in_air, :3] = config.weight_swing_position
        weights[in_air, 3:] = config.weight_swing_rotation
        return weights

    def _fill_forces(self, body: BodyDynamics, task: BodyTask) -> None:
        """Cost of the forces: acceleration of the centre of mass and rate of the angular momentum."""
        config = self._config
        arm = (self._corner_offset_m + (body.sole_m - body.center_of_mass_m)[:, None]).reshape(-1, 3)
        moment = self._moment
        moment[0, 1], moment[0, 2] = -arm[:, 2], arm[:, 1]
        moment[1, 0], moment[1, 2] = arm[:, 2], -arm[:, 0]
        moment[2, 0], moment[2, 1] = -arm[:, 1], arm[:, 0]
        rows = moment.transpose(0, 2, 1).reshape(3, _FORCES)
        weighted = config.weight_angular_momentum * rows
        np.add(self._push_hessian, rows.T @ weighted, out=self._hessian[DOFS:, DOFS:])
        wanted_moment = -config.angular_momentum_damping_per_s * body.angular_momentum
        wanted_push = task.center_of_mass_m_s2 + _STANDING_M_S2
        self._gradient[DOFS:] = -(wanted_push @ self._weighted_push + wanted_moment @ weighted)

    def _fill_limits(self, body: BodyDynamics, task: BodyTask) -> None:
        self._rows[:BASE_DOFS, :DOFS] = body.inertia[:BASE_DOFS]
        self._rows[:BASE_DOFS, DOFS:] = -self._corner_jacobian.reshape(_FORCES, DOFS)[:, :BASE_DOFS].T
        self._lower[:BASE_DOFS] = self._upper[:BASE_DOFS] = -body.bias[:BASE_DOFS]
        self._upper[BASE_DOFS : BASE_DOFS + 2] = task.largest_load_n


def _friction_pyramid(friction: float) -> FloatArray:
    """[8 corners x 4, unknown] rows that are >= 0 when each corner's force lies in its pyramid.

    Opposite sides of a pyramid add up to 2 x friction x normal force >= 0, so feet cannot pull.
    """
    rows = np.zeros((2 * _CORNERS, 4, _UNKNOWNS))
    for corner in range(2 * _CORNERS):
        first = DOFS + 3 * corner
        for side, (axis, sign) in enumerate(((0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0))):
            rows[corner, side, first + axis] = sign
            rows[corner, side, first + 2] = friction
    return rows.reshape(-1, _UNKNOWNS)
