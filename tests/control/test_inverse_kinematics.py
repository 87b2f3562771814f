from collections.abc import Callable

import numpy as np
import pytest

from hlm.control.inverse_kinematics import BodyTargets, IKConfig, PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError, MismatchError

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


def test_the_config_is_checked() -> None:
    with pytest.raises(InputError, match="iterations must be at least 1, got 0"):
        IKConfig(iterations=0)
