"""The script without physics: nothing in the scene moves."""

from dataclasses import replace

import numpy as np
import pytest

from hlm.core.rotations import roll_pitch_yaw_from_quat
from hlm.sim.tasks.shelf_cup_transfer.operator import ShelfCupOperator

RATE_HZ = 30.0


def poses(task, seed=0, variation=1.0, generator_seed=1):
    task.reset(seed)
    operator = ShelfCupOperator(task, np.random.default_rng(generator_seed), variation)
    operator.reset()
    return list(iter(operator.pose, None))


def hands_m(script):
    return np.array([pose.targets.grips[1].position_in_world_m for pose in script])


def openings(script):
    return np.array([pose.gripper_opening[1] for pose in script])


@pytest.fixture(scope="module")
def script(task):
    return poses(task)


def test_it_ends_within_the_tasks_time(task, script):
    assert 8.0 < len(script) / RATE_HZ < task.time_limit_s


def test_it_stays_ended(task):
    task.reset(0)
    operator = ShelfCupOperator(task, np.random.default_rng(1))
    operator.reset()
    while operator.pose() is not None:
        pass
    assert operator.pose() is None


def test_the_same_draws_give_the_same_script(task, script):
    np.testing.assert_array_equal(hands_m(poses(task)), hands_m(script))


def test_other_draws_give_another_script(task, script):
    other = poses(task, generator_seed=2)
    assert len(other) != len(script) or np.abs(hands_m(other) - hands_m(script)).max() > 1e-3


def test_without_variation_draws_do_not_matter(task):
    one, other = poses(task, variation=0.0), poses(task, variation=0.0, generator_seed=2)
    np.testing.assert_array_equal(hands_m(one), hands_m(other))


def test_a_reset_starts_the_script_anew(task):
    task.reset(0)
    operator = ShelfCupOperator(task, np.random.default_rng(1), variation=0.0)
    operator.reset()
    first = [operator.pose() for _ in range(5)]
    operator.reset()
    again = [operator.pose() for _ in range(5)]
    np.testing.assert_array_equal(hands_m(first), hands_m(again))


@pytest.mark.parametrize("seed", [0, 1])
def test_it_closes_the_hand_on_the_named_cup_and_opens_it_over_the_mat(task, seed):
    script = poses(task, seed)
    opening, hand_m = openings(script), hands_m(script)
    assert opening[0] == 1.0
    closing = int(np.argmax(opening < 1.0))
    wanted, other = task.target, task.scene.objects[1 - seed]
    # Without physics the hand never moves, so that the closed-loop correction grows to its limit of 3 cm.
    assert np.linalg.norm(hand_m[closing, :2] - wanted.position_m[:2]) < 0.05
    assert np.linalg.norm(hand_m[closing, :2] - other.position_m[:2]) > 0.05
    closed = np.flatnonzero(opening == 0.0)
    assert (np.diff(closed) == 1).all()
    release = closed[-1] + 1
    assert np.linalg.norm(hand_m[release, :2] - task.scene.mat_position_m[:2]) < 0.06
    assert hand_m[release, 2] > task.scene.mat_position_m[2]
    assert opening[-1] == 1.0


def test_the_left_hand_stays_open_and_free(script):
    assert all(pose.gripper_opening[0] == 1.0 for pose in script)
    assert all(pose.targets.grips[0] is None for pose in script)


def test_it_squats_for_the_low_shelf_and_stands_for_the_high_one(script):
    heights_m = np.array([pose.targets.pelvis_height_m for pose in script])
    closing = int(np.argmax(openings(script) < 1.0))
    assert heights_m[closing] == pytest.approx(0.60, abs=0.02)
    assert heights_m[-1] == pytest.approx(0.755, abs=0.02)
    assert heights_m[0] > 0.75


def test_feet_stay_and_the_pelvis_only_leans_forward(script):
    for pose in (script[0], script[len(script) // 2], script[-1]):
        for foot, first in zip(pose.targets.soles, script[0].targets.soles, strict=True):
            np.testing.assert_array_equal(foot.position_in_world_m, first.position_in_world_m)
        roll, pitch, yaw = roll_pitch_yaw_from_quat(pose.targets.quat_world_from_pelvis_wxyz)
        assert (roll, yaw) == pytest.approx((0.0, 0.0), abs=1e-9)
        assert -1e-9 <= pitch <= 0.31


def test_movements_are_smooth_and_of_human_speed(script):
    hand_m = hands_m(script)
    speed_m_s = np.linalg.norm(np.diff(hand_m, axis=0), axis=1) * RATE_HZ
    assert speed_m_s.max() < 1.5
    # Minimum jerk: no jump between steps, not even where one stroke ends and the next begins.
    assert np.abs(np.diff(hand_m, n=2, axis=0)).max() * RATE_HZ < 0.5


@pytest.mark.parametrize(("lower_m", "height_m"), [(0.0, 0.755), (0.02, 0.755), (0.10, 0.655), (0.30, 0.60)])
def test_it_begins_as_deep_as_the_robot_squats(task, lower_m, height_m):
    """Standing is 0.755 m, and the deepest squat 0.60 m; who is lower by little stands."""
    task.reset(0)
    operator = ShelfCupOperator(task, np.random.default_rng(1), variation=0.0)
    start = operator.reset()
    soles_m = operator._midpoint_m[2]
    lowered = start.position_pelvis_in_world_m - np.array([0.0, 0.0, lower_m])
    bend = operator._bend(replace(start, position_pelvis_in_world_m=lowered))
    depth_m = 0.755 - (height_m if bend else 0.755)
    assert bend * (0.755 - 0.60) == pytest.approx(depth_m, abs=0.005)
    assert bool(bend) == (height_m < 0.755)
    assert operator.pose().targets.pelvis_height_m == pytest.approx(soles_m + 0.755, abs=0.01), "as it stands now"
