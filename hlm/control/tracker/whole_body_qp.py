"""Inverse-dynamics quadratic program: accelerations, contact forces and torques that serve weighted tasks best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import daqp
import numpy as np

from hlm.control.checks import require_positive
from hlm.control.model import BASE_DOFS, DOFS, GRAVITY_M_S2, BodyModel
from hlm.control.tracker.body_dynamics import BodyDynamics
from hlm.core.arrays import FloatArray
from hlm.core.errors import InputError
from hlm.core.layout import MOTOR_LEGS

_SOLVED = 1
_INEQUALITY, _EQUALITY = 0, 5
_CORNERS = 4
_FOOT_FORCES = 3 * _CORNERS
_FORCES = 2 * _FOOT_FORCES
_UNKNOWNS = DOFS + _FORCES
_ACCELERATION_REGULARIZATION = 1e-4
_UNBOUNDED = 1e30
# Of constraints, N and Nm. No contact force and a free fall obey all of them, so that no program is infeasible. Large
# demands on a foot that may carry nothing look so to the solver, which is then asked again, less strictly.
_TOLERANCES = (1e-6, 1e-3)
_GRAVITY_COMPENSATION_M_S2 = np.array([0.0, 0.0, GRAVITY_M_S2])


@dataclass(frozen=True, kw_only=True, slots=True)
class WholeBodyQPConfig:
    """Weights, gains and limits of the program.

    Weights multiply squared errors of accelerations in m/s2 and rad/s2 unless their line says otherwise.

    Attributes:
        weight_com: acceleration of the centre of mass, x, y and z.
        weight_angular_momentum: rate of the angular momentum in Nm.
        weight_pelvis_rotation: angular acceleration of the pelvis.
        weight_stance_foot: acceleration of a foot in contact.
        weight_swing_foot_position: linear acceleration of a foot in the air.
        weight_swing_foot_rotation: angular acceleration of a foot in the air.
        weight_leg_posture: acceleration of each leg joint.
        weight_upper_body_posture: acceleration of each waist and arm joint.
        weight_force: regularization of each contact force component, per N2.
        angular_momentum_damping_per_s: rate at which angular momentum is removed.
        pelvis_stiffness_per_s2: feedback gain on the pelvis orientation.
        pelvis_damping_per_s: feedback gain on the pelvis angular velocity.
        stance_foot_damping_per_s: feedback gain on the velocity of a foot in contact.
        stance_foot_levelling_per_s2: feedback gain that turns a foot in contact flat onto the ground.
        posture_stiffness_per_s2: feedback gain on joint angles.
        posture_damping_per_s: feedback gain on joint velocities.
        acceleration_feedforward: fraction of the reference's own accelerations that is fed forward, 0 to 1.
        friction_coefficient: friction that contact forces may use; less than the floor's.
    """

    weight_com: tuple[float, float, float] = (20.0, 20.0, 8.0)
    weight_angular_momentum: float = 0.02
    weight_pelvis_rotation: float = 3.0
    weight_stance_foot: float = 60.0
    weight_swing_foot_position: float = 12.0
    weight_swing_foot_rotation: float = 4.0
    weight_leg_posture: float = 0.05
    weight_upper_body_posture: float = 0.6
    weight_force: float = 1e-6
    angular_momentum_damping_per_s: float = 4.0
    pelvis_stiffness_per_s2: float = 120.0
    pelvis_damping_per_s: float = 18.0
    stance_foot_damping_per_s: float = 25.0
    stance_foot_levelling_per_s2: float = 100.0
    posture_stiffness_per_s2: float = 100.0
    posture_damping_per_s: float = 20.0
    acceleration_feedforward: float = 0.8
    friction_coefficient: float = 0.5

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *sorted(set(self.__slots__) - {"acceleration_feedforward"}))
        if not 0.0 <= self.acceleration_feedforward <= 1.0:
            raise InputError(f"acceleration_feedforward must be between 0 and 1, got {self.acceleration_feedforward}.")


class WholeBodyTask(NamedTuple):
    """Desired accelerations and load limits of one tick.

    Attributes:
        com_acceleration_m_s2: [3].
        pelvis_angular_acceleration_rad_s2: [3] in the pelvis frame.
        sole_acceleration: [foot, 6] linear (m/s2) and angular (rad/s2), world axes.
        joint_acceleration_rad_s2: [joint].
        max_load_n: [foot] largest vertical force on each foot; 0 for a foot in the air.
    """

    com_acceleration_m_s2: FloatArray
    pelvis_angular_acceleration_rad_s2: FloatArray
    sole_acceleration: FloatArray
    joint_acceleration_rad_s2: FloatArray
    max_load_n: FloatArray


class WholeBodySolution(NamedTuple):
    """Solution of the program.

    Attributes:
        joint_acceleration_rad_s2: [joint].
        joint_torque_nm: [joint].
        contact_force_n: [foot, corner, 3] of the ground on the sole corners, world axes.
    """

    joint_acceleration_rad_s2: FloatArray
    joint_torque_nm: FloatArray
    contact_force_n: FloatArray

    @property
    def load_n(self) -> FloatArray:
        """[foot] vertical force on each foot."""
        return self.contact_force_n[:, :, 2].sum(axis=1)


class WholeBodyQP:
    """The quadratic program; its matrices are allocated once and refilled at every tick.

    Unknowns: [dof] accelerations, then [foot, corner, 3] contact forces in world axes. Constraints: the six equations
    of motion of the floating base, a friction pyramid at each corner, the load limit of each foot. The tasks are
    weighted least squares.

    Args:
        model: the robot.
        config: weights, gains and limits.
    """

    def __init__(self, model: BodyModel, config: WholeBodyQPConfig) -> None:
        self._config = config
        self._corner_position_m = model.sole_corners_m
        self._hessian = np.zeros((_UNKNOWNS, _UNKNOWNS))
        self._gradient = np.zeros(_UNKNOWNS)
        self._corner_jacobian = np.zeros((2, _CORNERS, 3, DOFS))
        self._corner_offset_m = np.zeros((2, _CORNERS, 3))
        load_rows = np.zeros((2, _UNKNOWNS))
        for foot in range(2):
            first = DOFS + foot * _FOOT_FORCES
            load_rows[foot, first + 2 : first + _FOOT_FORCES : 3] = 1.0
        pyramid_rows = _friction_pyramid(config.friction_coefficient)
        self._constraints = np.concatenate([np.zeros((BASE_DOFS, _UNKNOWNS)), load_rows, pyramid_rows])
        self._lower = np.zeros(len(self._constraints))
        self._upper = np.full(len(self._constraints), _UNBOUNDED)
        self._sense = np.full(len(self._constraints), _INEQUALITY, dtype=np.int32)
        self._sense[:BASE_DOFS] = _EQUALITY
        self._posture_weight = np.full(DOFS - BASE_DOFS, config.weight_upper_body_posture)
        self._posture_weight[MOTOR_LEGS] = config.weight_leg_posture
        com_map = np.tile(np.eye(3), 2 * _CORNERS) / model.mass_kg
        self._weighted_com_map = np.array(config.weight_com)[:, None] * com_map
        self._com_hessian = com_map.T @ self._weighted_com_map + config.weight_force * np.eye(_FORCES)
        self._moment_map = np.zeros((3, 3, 2 * _CORNERS))

    def solve(self, body: BodyDynamics, task: WholeBodyTask) -> WholeBodySolution | None:
        """The best solution, or None when the solver finds none, such as of numbers that are none."""
        self._place_corners(body)
        self._fill_accelerations(body, task)
        self._fill_forces(body, task)
        self._fill_constraints(body, task)
        solution = self._solved(_TOLERANCES[0])
        if solution is None:
            solution = self._solved(_TOLERANCES[1])
        if solution is None:
            return None
        acceleration, force = solution[:DOFS], solution[DOFS:]
        jacobian = self._corner_jacobian.reshape(_FORCES, DOFS)[:, BASE_DOFS:]
        torque = body.inertia[BASE_DOFS:] @ acceleration + body.bias[BASE_DOFS:] - force @ jacobian
        return WholeBodySolution(acceleration[BASE_DOFS:], torque, force.reshape(2, _CORNERS, 3))

    def _solved(self, tolerance: float) -> FloatArray | None:
        """[unknown] the best solution that violates no constraint by more than a tolerance; None when none is found."""
        try:
            solution, _, flag, _ = daqp.solve(
                self._hessian,
                self._gradient,
                self._constraints,
                self._upper,
                self._lower,
                self._sense,
                primal_tol=tolerance,
            )
        except (ValueError, TypeError):
            return None
        return solution if flag == _SOLVED and np.all(np.isfinite(solution)) else None

    def _place_corners(self, body: BodyDynamics) -> None:
        """Offsets of the sole corners from the sole centres, and the Jacobians of the corners."""
        for foot in range(2):
            offset_m = self._corner_position_m @ body.rotation_world_from_sole[foot].T
            self._corner_offset_m[foot] = offset_m
            linear, angular = body.sole_jacobian[foot, :3], body.sole_jacobian[foot, 3:]
            x, y, z = offset_m.T[:, :, None]
            jacobian = self._corner_jacobian[foot]
            jacobian[:, 0] = linear[0] + z * angular[1] - y * angular[2]
            jacobian[:, 1] = linear[1] + x * angular[2] - z * angular[0]
            jacobian[:, 2] = linear[2] + y * angular[0] - x * angular[1]

    def _fill_accelerations(self, body: BodyDynamics, task: WholeBodyTask) -> None:
        """Cost of the accelerations: soles, pelvis orientation, posture."""
        config = self._config
        jacobian = body.sole_jacobian.reshape(12, DOFS)
        weighted = self._sole_weights(task.max_load_n).reshape(12, 1) * jacobian
        desired = (task.sole_acceleration - body.sole_drift).reshape(12)
        block = self._hessian[:DOFS, :DOFS]
        np.matmul(jacobian.T, weighted, out=block)
        gradient = self._gradient[:DOFS]
        np.matmul(desired, weighted, out=gradient)
        diagonal = np.einsum("ii->i", block)
        diagonal += _ACCELERATION_REGULARIZATION
        diagonal[3:BASE_DOFS] += config.weight_pelvis_rotation
        gradient[3:BASE_DOFS] += config.weight_pelvis_rotation * task.pelvis_angular_acceleration_rad_s2
        diagonal[BASE_DOFS:] += self._posture_weight
        gradient[BASE_DOFS:] += self._posture_weight * task.joint_acceleration_rad_s2
        np.negative(gradient, out=gradient)

    def _sole_weights(self, max_load_n: FloatArray) -> FloatArray:
        """[foot, 6] weights of the sole accelerations, of stance and swing feet."""
        config = self._config
        weights = np.full((2, 6), config.weight_stance_foot)
        swing = max_load_n <= 0.0
        weights[swing, :3] = config.weight_swing_foot_position
        weights[swing, 3:] = config.weight_swing_foot_rotation
        return weights

    def _fill_forces(self, body: BodyDynamics, task: WholeBodyTask) -> None:
        """Cost of the forces: acceleration of the centre of mass and rate of the angular momentum."""
        config = self._config
        lever_m = (self._corner_offset_m + (body.sole_position_m - body.com_position_m)[:, None]).reshape(-1, 3)
        moment_map = self._moment_map
        moment_map[0, 1], moment_map[0, 2] = -lever_m[:, 2], lever_m[:, 1]
        moment_map[1, 0], moment_map[1, 2] = lever_m[:, 2], -lever_m[:, 0]
        moment_map[2, 0], moment_map[2, 1] = -lever_m[:, 1], lever_m[:, 0]
        rows = moment_map.transpose(0, 2, 1).reshape(3, _FORCES)
        weighted = config.weight_angular_momentum * rows
        np.add(self._com_hessian, rows.T @ weighted, out=self._hessian[DOFS:, DOFS:])
        desired_moment_nm = -config.angular_momentum_damping_per_s * body.angular_momentum_kg_m2_s
        desired_m_s2 = task.com_acceleration_m_s2 + _GRAVITY_COMPENSATION_M_S2
        self._gradient[DOFS:] = -(desired_m_s2 @ self._weighted_com_map + desired_moment_nm @ weighted)

    def _fill_constraints(self, body: BodyDynamics, task: WholeBodyTask) -> None:
        self._constraints[:BASE_DOFS, :DOFS] = body.inertia[:BASE_DOFS]
        self._constraints[:BASE_DOFS, DOFS:] = -self._corner_jacobian.reshape(_FORCES, DOFS)[:, :BASE_DOFS].T
        self._lower[:BASE_DOFS] = self._upper[:BASE_DOFS] = -body.bias[:BASE_DOFS]
        self._upper[BASE_DOFS : BASE_DOFS + 2] = task.max_load_n


def _friction_pyramid(friction_coefficient: float) -> FloatArray:
    """[8 corners x 4, unknown] rows that are >= 0 when each corner's force lies in its pyramid.

    Opposite sides of a pyramid add up to 2 x friction x normal force >= 0, so feet cannot pull.
    """
    rows = np.zeros((2 * _CORNERS, 4, _UNKNOWNS))
    for corner in range(2 * _CORNERS):
        first = DOFS + 3 * corner
        for side, (axis, sign) in enumerate(((0, 1.0), (0, -1.0), (1, 1.0), (1, -1.0))):
            rows[corner, side, first + axis] = sign
            rows[corner, side, first + 2] = friction_coefficient
    return rows.reshape(-1, _UNKNOWNS)
