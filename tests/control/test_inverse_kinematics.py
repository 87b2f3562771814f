from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from hlm.control.inverse_kinematics import BodyTargets, IKConfig, PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError, MismatchError
from hlm.core.layout import MOTOR_LEFT_ARM

LEVEL = np.array([1.0, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("hand", [(0.35, -0.2, 0.9), (0.3, -0.25, 1.2), (0.3, -0.3, 0.7)])
def test_it_reaches_what_can_be_reached(
    model: BodyModel, standing: Configuration, stance: Callable[..., BodyTargets], hand: tuple[float, float, float]
) -> None:
    grip = PoseTarget(position_in_world_m=np.array(hand), quat_world_from_frame_wxyz=LEVEL)
    found = WholeBodyIK(model).solve(stance(0.7, grips=(None, grip)), standing, 60)
    pose = model.pose_world_from("right_grip", found)
    np.testing.assert_allclose(pose[:3, 3], hand, atol=2e-3)
    np.testing.assert_allclose(pose[:3, :3], np.eye(3), atol=0.05)
    for side, y in (("left", 0.118), ("right", -0.118)):
        np.testing.assert_allclose(model.pose_world_from(f"{side}_sole", found)[:3, 3], [0.0, y, 0.0], atol=1e-3)
    np.testing.assert_allclose(model.com_position_in_world_m(found)[:2], 0.0, atol=2e-3)
    assert abs(found.position_pelvis_in_world_m[2] - 0.7) < 5e-3


def test_it_settles_instead_of_cycling(
    model: BodyModel, standing: Configuration, stance: Callable[..., BodyTargets]
) -> None:
    random = np.random.default_rng(0)
    solver = WholeBodyIK(model)
    for hand in random.uniform((0.22, -0.4, 0.55), (0.42, 0.0, 1.3), size=(12, 3)):
        grip = PoseTarget(position_in_world_m=hand, quat_world_from_frame_wxyz=LEVEL)
        targets = stance(0.7, grips=(None, grip))
        found = solver.solve(targets, standing, 60)
        np.testing.assert_allclose(solver.solve(targets, found).vector, found.vector, atol=2e-3)


def test_an_arm_without_a_target_is_as_stiff_as_it_is_told(
    model: BodyModel, standing: Configuration, stance: Callable[..., BodyTargets]
) -> None:
    grip = PoseTarget(position_in_world_m=np.array([0.5, -0.3, 0.5]), quat_world_from_frame_wxyz=LEVEL)
    targets = stance(0.7, grips=(None, grip))
    posture_rad = UNITREE_G1.default_rad
    usual, same, stiff = (
        WholeBodyIK(model, IKConfig(free_arm_weight_per_rad=weight)).solve(targets, standing, 60).joint_position_rad
        for weight in (None, 0.02, 1.0)
    )
    np.testing.assert_array_equal(usual, same)
    moved_rad = [np.abs(joints_rad - posture_rad)[MOTOR_LEFT_ARM].max() for joints_rad in (usual, stiff)]
    assert moved_rad[1] < 0.1 * moved_rad[0]


def test_an_arm_without_a_target_counts_as_all_joints_unless_told(
    model: BodyModel, standing: Configuration, stance: Callable[..., BodyTargets]
) -> None:
    told = replace(stance(0.7), joint_position_rad=standing.joint_position_rad)
    found = WholeBodyIK(model, IKConfig(posture_weight_per_rad=0.4)).solve(told, standing, 60).joint_position_rad
    np.testing.assert_allclose(found[MOTOR_LEFT_ARM], standing.joint_position_rad[MOTOR_LEFT_ARM], atol=0.02)


def test_a_configuration_is_its_own_solution(model: BodyModel, standing: Configuration) -> None:
    """Inverse of forward kinematics: targets read off a configuration leave it where it is."""
    soles = [
        PoseTarget(position_in_world_m=model.pose_world_from(f"{side}_sole", standing)[:3, 3])
        for side in ("left", "right")
    ]
    targets = BodyTargets(
        soles=(soles[0], soles[1]),
        pelvis_height_m=float(standing.position_pelvis_in_world_m[2]),
        quat_world_from_pelvis_wxyz=standing.quat_world_from_pelvis_wxyz,
        com_position_in_world_m=model.com_position_in_world_m(standing)[:2],
        joint_position_rad=standing.joint_position_rad,
    )
    found = WholeBodyIK(model).solve(targets, standing)
    np.testing.assert_allclose(found.vector, standing.vector, atol=1e-9)


def test_limits_hold_even_for_targets_out_of_reach(
    model: BodyModel, standing: Configuration, stance: Callable[..., BodyTargets]
) -> None:
    grip = PoseTarget(position_in_world_m=np.array([3.0, 2.0, 0.1]))
    found = WholeBodyIK(model).solve(stance(0.3, grips=(None, grip)), standing, 40)
    assert np.all(found.joint_position_rad >= UNITREE_G1.lower_rad)
    assert np.all(found.joint_position_rad <= UNITREE_G1.upper_rad)


def test_the_input_stays_as_it_is(
    model: BodyModel, standing: Configuration, stance: Callable[..., BodyTargets]
) -> None:
    before = standing.vector
    WholeBodyIK(model).solve(stance(0.5), standing)
    np.testing.assert_array_equal(standing.vector, before)


def test_calls_do_not_depend_on_calls_before(
    model: BodyModel, standing: Configuration, stance: Callable[..., BodyTargets]
) -> None:
    used = WholeBodyIK(model)
    used.solve(stance(0.5), standing)
    fresh = WholeBodyIK(model).solve(stance(0.6), standing)
    np.testing.assert_array_equal(used.solve(stance(0.6), standing).vector, fresh.vector)


def test_a_target_that_is_not_finite_is_refused(
    model: BodyModel, standing: Configuration, stance: Callable[..., BodyTargets]
) -> None:
    with pytest.raises(MismatchError, match="a target of the inverse kinematics is not finite"):
        WholeBodyIK(model).solve(stance(float("nan")), standing)


OUT_OF_REACH = [(0.0, -0.75, 1.0), (0.157, -0.15, 1.784), (0.588, -0.15, 3.94), (-0.48, -0.24, 1.57)]


@pytest.mark.parametrize("hand", OUT_OF_REACH)
@pytest.mark.parametrize("quat", [None, LEVEL])
def test_an_arm_comes_to_rest_stretched_towards_what_it_cannot_reach(
    model: BodyModel,
    standing: Configuration,
    stance: Callable[..., BodyTargets],
    hand: tuple[float, float, float],
    quat: np.ndarray | None,
) -> None:
    grip = PoseTarget(position_in_world_m=np.array(hand), quat_world_from_frame_wxyz=quat)
    solver, targets = WholeBodyIK(model), stance(0.7, grips=(None, grip))
    found = solver.solve(targets, standing, 400)
    later = solver.solve(targets, found)
    assert np.abs(later.joint_position_rad - found.joint_position_rad).max() < 0.01
    moved_m = model.pose_world_from("right_grip", later)[:3, 3] - model.pose_world_from("right_grip", found)[:3, 3]
    assert np.linalg.norm(moved_m) < 1e-3
    # Nothing that is commanded with a greater weight is given up for it.
    for side, y in (("left", 0.118), ("right", -0.118)):
        np.testing.assert_allclose(model.pose_world_from(f"{side}_sole", found)[:3, 3], [0.0, y, 0.0], atol=0.03)


def test_no_iteration_goes_further_away_from_what_cannot_be_reached(
    model: BodyModel, standing: Configuration, stance: Callable[..., BodyTargets]
) -> None:
    grip = PoseTarget(position_in_world_m=np.array(OUT_OF_REACH[0]))
    solver, targets = WholeBodyIK(model), stance(0.7, grips=(None, grip))
    costs, configuration = [], standing
    for _ in range(60):
        configuration = solver.solve(targets, configuration, 1)
        costs.append(solver._rows(targets, configuration.vector).cost)
    assert np.all(np.diff(costs) <= 1e-8 * costs[0])


def test_a_hand_follows_a_target_that_moves_out_of_reach_without_jumping(
    model: BodyModel, standing: Configuration, stance: Callable[..., BodyTargets]
) -> None:
    solver, found, grips_m = WholeBodyIK(model), standing, []
    for turn_rad in np.linspace(0.0, 2.0 * np.pi, 120):
        hand = np.array([0.3 * np.cos(turn_rad), -0.9, 1.0 + 0.4 * np.sin(turn_rad)])
        grip = PoseTarget(position_in_world_m=hand)
        found = solver.solve(stance(0.7, grips=(None, grip)), found)
        grips_m.append(model.pose_world_from("right_grip", found)[:3, 3])
    steps_m = np.linalg.norm(np.diff(grips_m[40:], axis=0), axis=1)
    assert steps_m.max() < 0.03  # the target moves by up to 2.1 cm


@pytest.mark.parametrize("iterations", [-3, 0])
def test_fewer_than_one_iteration_are_refused(
    model: BodyModel, standing: Configuration, stance: Callable[..., BodyTargets], iterations: int
) -> None:
    with pytest.raises(InputError, match=f"iterations must be at least 1, got {iterations}"):
        WholeBodyIK(model).solve(stance(), standing, iterations)


NO_ORIENTATIONS = [(0.0, 0.0, 0.0, 0.0), (np.nan, 0.0, 0.0, 0.0), (2.0, 0.0, 0.0, 0.0), (np.inf, 0.0, 0.0, 1.0)]


@pytest.mark.parametrize("quat", NO_ORIENTATIONS)
def test_targets_whose_orientation_is_none_are_refused(quat: tuple[float, ...]) -> None:
    with pytest.raises(MismatchError, match="target orientation must be a unit quaternion"):
        PoseTarget(position_in_world_m=np.zeros(3), quat_world_from_frame_wxyz=np.array(quat))
    with pytest.raises(MismatchError, match="quat_world_from_pelvis_wxyz must be a unit quaternion"):
        BodyTargets(quat_world_from_pelvis_wxyz=np.array(quat))
    with pytest.raises(MismatchError, match="quat_world_from_pelvis_wxyz must be a unit quaternion"):
        Configuration(
            position_pelvis_in_world_m=np.zeros(3),
            quat_world_from_pelvis_wxyz=np.array(quat),
            joint_position_rad=UNITREE_G1.default_rad,
        )


def test_the_config_is_checked() -> None:
    with pytest.raises(InputError, match="iterations must be at least 1, got 0"):
        IKConfig(iterations=0)
