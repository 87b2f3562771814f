from collections.abc import Callable

import numpy as np
import pinocchio as pin

from hlm.control.inverse_kinematics import BodyTargets, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.control.tracker.leg_odometry import LegOdometry
from hlm.core.layout import MOTOR_RIGHT_LEG
from hlm.core.values import RobotState

DT_NS = 10_000_000


def measured(model: BodyModel, before: Configuration, now: Configuration, tick: int) -> tuple[RobotState, np.ndarray]:
    """Measurement of a robot that moves between two configurations in a tick, and its true velocity vector."""
    velocity = pin.difference(model.pin_model, before.vector, now.vector) / (DT_NS * 1e-9)
    state = RobotState(
        stamp_ns=tick * DT_NS,
        joint_position_rad=now.joint_position_rad,
        joint_velocity_rad_s=velocity[6:],
        quat_world_from_pelvis_wxyz=now.quat_world_from_pelvis_wxyz,
        angular_velocity_pelvis_in_pelvis_rad_s=velocity[3:6],
    )
    return state, velocity


def test_it_follows_a_squat(model: BodyModel, standing: Configuration, stance: Callable[..., BodyTargets]) -> None:
    solver, odometry = WholeBodyIK(model), LegOdometry(model)
    before = now = standing
    odometry.reset(measured(model, standing, standing, 0)[0])
    for tick in range(1, 120):
        height_m = 0.74 - 0.15 * np.sin(np.pi * tick / 120) ** 2
        before, now = now, solver.solve(stance(height_m), now, 8)
        state, velocity = measured(model, before, now, tick)
        odometry.update(state, np.array([0.7, 0.3]))
        np.testing.assert_allclose(odometry.position[:3], now.position_pelvis_in_world_m, atol=1e-3)
        np.testing.assert_allclose(odometry.velocity[:3], velocity[:3], atol=5e-3)


def test_a_swing_foot_has_no_weight(model: BodyModel, standing: Configuration) -> None:
    odometry = LegOdometry(model)
    odometry.reset(measured(model, standing, standing, 0)[0])
    lifted = standing.joint_position_rad.copy()
    lifted[MOTOR_RIGHT_LEG] += [-0.4, 0.0, 0.0, 0.6, -0.2, 0.0]
    after = Configuration(
        position_pelvis_in_world_m=standing.position_pelvis_in_world_m,
        quat_world_from_pelvis_wxyz=standing.quat_world_from_pelvis_wxyz,
        joint_position_rad=lifted,
    )
    odometry.update(measured(model, standing, after, 1)[0], np.array([1.0, 0.0]))
    np.testing.assert_allclose(odometry.position[:3], standing.position_pelvis_in_world_m, atol=1e-4)
    np.testing.assert_allclose(odometry.velocity[:3], 0.0, atol=1e-2)


def test_the_first_estimate_has_the_soles_around_the_origin(model: BodyModel, standing: Configuration) -> None:
    odometry = LegOdometry(model)
    odometry.reset(measured(model, standing, standing, 5)[0])
    np.testing.assert_allclose(odometry.position, standing.vector, atol=1e-4)
