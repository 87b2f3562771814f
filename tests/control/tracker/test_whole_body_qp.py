import numpy as np
import pytest

from hlm.control.model import BASE_DOFS, DOFS, GRAVITY_M_S2, BodyModel, Configuration
from hlm.control.tracker.body_dynamics import BodyDynamics
from hlm.control.tracker.whole_body_qp import WholeBodyQP, WholeBodyQPConfig, WholeBodyTask
from hlm.core.embodiments.unitree_g1 import UNITREE_G1

PLENTY_N = 2000.0


def body_at(model: BodyModel, standing: Configuration) -> BodyDynamics:
    body = BodyDynamics(model)
    body.update(standing.vector, np.zeros(DOFS))
    return body


def task(
    acceleration: tuple[float, float, float] = (0.0, 0.0, 0.0), load_n: tuple[float, float] = (PLENTY_N,) * 2
) -> WholeBodyTask:
    return WholeBodyTask(np.array(acceleration), np.zeros(3), np.zeros((2, 6)), np.zeros(29), np.array(load_n))


def test_standing_still_carries_the_weight_on_both_feet(model: BodyModel, standing: Configuration) -> None:
    solution = WholeBodyQP(model, WholeBodyQPConfig()).solve(body_at(model, standing), task())
    assert solution is not None
    np.testing.assert_allclose(solution.load_n, 0.5 * model.mass_kg * GRAVITY_M_S2, rtol=0.01)
    np.testing.assert_allclose(solution.joint_acceleration_rad_s2, 0.0, atol=0.05)


def test_torques_and_forces_obey_the_equations_of_motion(model: BodyModel, standing: Configuration) -> None:
    """MuJoCo-free check: forward dynamics under the found torques and forces gives the found accelerations."""
    random = np.random.default_rng(0)
    velocity = 0.3 * random.normal(size=DOFS)
    body = BodyDynamics(model)
    body.update(standing.vector, velocity)
    solution = WholeBodyQP(model, WholeBodyQPConfig()).solve(body, task((0.3, -0.2, 0.5)))
    assert solution is not None
    pushes = body.bias * -1.0
    pushes[BASE_DOFS:] += solution.joint_torque_nm
    corners_m = model.sole_corners_m @ body.rotation_world_from_sole.transpose(0, 2, 1)
    for foot in range(2):
        wrench = np.concatenate(
            [
                solution.contact_force_n[foot].sum(axis=0),
                np.cross(corners_m[foot], solution.contact_force_n[foot]).sum(axis=0),
            ]
        )
        pushes += body.sole_jacobian[foot].T @ wrench
    acceleration = np.linalg.solve(body.inertia, pushes)
    np.testing.assert_allclose(acceleration[BASE_DOFS:], solution.joint_acceleration_rad_s2, atol=1e-3)


def test_a_foot_carries_no_more_than_it_may(model: BodyModel, standing: Configuration) -> None:
    solution = WholeBodyQP(model, WholeBodyQPConfig()).solve(body_at(model, standing), task(load_n=(PLENTY_N, 40.0)))
    assert solution is not None
    assert solution.load_n[1] <= 40.0 + 1e-3
    assert solution.load_n[0] > 200.0


def test_a_program_without_a_solution_returns_none(model: BodyModel, standing: Configuration) -> None:
    qp = WholeBodyQP(model, WholeBodyQPConfig())
    body = body_at(model, standing)
    assert qp.solve(body, task((float("nan"), 0.0, 0.0))) is None
    assert qp.solve(body, task()) is not None


@pytest.mark.parametrize("push_m_s2", [30.0, -30.0])
def test_forces_stay_within_friction_however_hard_the_push(
    model: BodyModel, standing: Configuration, push_m_s2: float
) -> None:
    config = WholeBodyQPConfig()
    solution = WholeBodyQP(model, config).solve(body_at(model, standing), task((push_m_s2, 0.0, 0.0)))
    assert solution is not None
    sideways = np.abs(solution.contact_force_n[..., :2]).max(axis=-1)
    assert np.all(sideways <= config.friction_coefficient * solution.contact_force_n[..., 2] + 1e-4)
    assert np.sign(solution.contact_force_n[..., 0].sum()) == np.sign(push_m_s2)


@pytest.mark.parametrize("demand", [1.0, 30.0, 300.0, 3000.0])
@pytest.mark.parametrize(
    "load_n", [(PLENTY_N, PLENTY_N), (PLENTY_N, 0.0), (0.0, PLENTY_N), (0.0, 0.0), (PLENTY_N, 5.0)]
)
def test_whatever_is_demanded_there_is_a_solution_inside_the_limits(
    model: BodyModel, standing: Configuration, demand: float, load_n: tuple[float, float]
) -> None:
    config, random = WholeBodyQPConfig(), np.random.default_rng(0)
    qp, body = WholeBodyQP(model, config), BodyDynamics(model)
    for _ in range(20):
        wild = standing.vector.copy()
        wild[7:] = random.uniform(UNITREE_G1.lower_rad, UNITREE_G1.upper_rad)
        body.update(wild, random.normal(size=DOFS))
        demands = (demand * random.normal(size=shape) for shape in (3, 3, (2, 6), 29))
        solution = qp.solve(body, WholeBodyTask(*demands, np.array(load_n)))
        assert solution is not None
        assert (solution.load_n <= np.array(load_n) + 0.01).all()
        forces_n = solution.contact_force_n
        assert (np.abs(forces_n[..., :2]).max(axis=-1) <= config.friction_coefficient * forces_n[..., 2] + 0.01).all()
