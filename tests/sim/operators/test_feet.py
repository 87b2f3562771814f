"""The operator's two worlds: before a walk they are one, after a look things are where the feet say."""

import numpy as np
import pytest

from hlm.control.walking_pattern import GaitConfig, middle
from hlm.sim.operators.feet import WalkingFeet

START = np.array([[-0.5, 0.12, 0.05], [-0.5, -0.116, 0.05]])
GOAL = np.array([0.1, 0.02, -0.03])


class Ground:
    """Soles that are put by hand."""

    def __init__(self, soles):
        self.soles = soles

    def __call__(self):
        return self.soles.copy()


def shifted(soles, offset):
    """Soles moved as one: turned about their middle, then shifted."""
    x_m, y_m, yaw_rad = offset
    center = middle(soles)[:2]
    turn = np.array([[np.cos(yaw_rad), -np.sin(yaw_rad)], [np.sin(yaw_rad), np.cos(yaw_rad)]])
    return np.column_stack([(soles[:, :2] - center) @ turn.T + center + [x_m, y_m], soles[:, 2] + yaw_rad])


def at(matrix, x_m, y_m):
    return (matrix @ [x_m, y_m, 0.0, 1.0])[:2]


def walked(feet, ground, offset):
    """Walk to the goal and come to stand off it by `offset`; returns the rows."""
    walk = feet.walk_to(GOAL)
    rows = [next(walk)]
    width = GaitConfig().stance_width_m
    across = width / 2 * np.array([-np.sin(GOAL[2]), np.cos(GOAL[2])])
    meant = np.array([[*(GOAL[:2] + across), GOAL[2]], [*(GOAL[:2] - across), GOAL[2]]])
    ground.soles = shifted(meant, offset)
    return rows + list(walk)


def test_before_the_first_walk_the_operators_world_is_the_true_one():
    feet = WalkingFeet(Ground(START), GaitConfig())
    np.testing.assert_allclose(feet.pose_operator_from_stance @ feet.pose_stance_from_world, np.eye(4), atol=1e-12)
    assert feet.distance_to(middle(START)) == pytest.approx((0.0, 0.0), abs=1e-12)
    distance_m, turn_rad = feet.distance_to(GOAL)
    assert distance_m == pytest.approx(np.hypot(*(GOAL - middle(START))[:2]))
    assert turn_rad == pytest.approx(0.08)


def test_a_walk_that_ends_as_meant_changes_no_world():
    ground = Ground(START)
    feet = WalkingFeet(ground, GaitConfig())
    rows = walked(feet, ground, (0.0, 0.0, 0.0))
    np.testing.assert_allclose(feet.pose_operator_from_stance @ feet.pose_stance_from_world, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(rows[-1].sole_m[:, :2].mean(axis=0), GOAL[:2], atol=1e-9)
    assert feet.distance_to(GOAL) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_after_a_walk_that_ends_elsewhere_things_are_where_the_true_feet_see_them():
    ground = Ground(START)
    feet = WalkingFeet(ground, GaitConfig())
    rows = walked(feet, ground, (0.03, -0.02, 0.05))
    # The operator's own feet did not jump: they stand where they were told to.
    np.testing.assert_allclose(rows[-1].sole_m[:, :2].mean(axis=0), GOAL[:2], atol=1e-9)
    assert feet.distance_to(GOAL) == pytest.approx((np.hypot(0.03, 0.02), 0.05), abs=1e-9)
    stand = middle(ground.soles)
    np.testing.assert_allclose(at(feet.pose_stance_from_world, *stand[:2]), 0.0, atol=1e-9)
    ahead = stand[:2] + 0.4 * np.array([np.cos(stand[2]), np.sin(stand[2])])
    np.testing.assert_allclose(at(feet.pose_stance_from_world, *ahead), [0.4, 0.0], atol=1e-9)


def test_a_second_walk_makes_up_for_the_first():
    ground = Ground(START)
    feet = WalkingFeet(ground, GaitConfig())
    walked(feet, ground, (0.08, -0.05, 0.12))
    rows = walked(feet, ground, (0.0, 0.0, 0.0))
    assert len(rows) > 0
    assert feet.distance_to(GOAL) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_after_the_look_the_feet_stand_to_each_other_as_they_truly_do():
    ground = Ground(START)
    feet = WalkingFeet(ground, GaitConfig())
    walk = feet.walk_to(GOAL)
    next(walk)
    ground.soles = np.array([[0.12, 0.15, 0.02], [0.08, -0.12, -0.06]])
    *_, last = walk
    told = np.column_stack([last.sole_m[:, :2], last.sole_yaw_rad])
    for kind in (lambda soles: soles[0, 2] - soles[1, 2], lambda soles: np.hypot(*(soles[0] - soles[1])[:2])):
        assert kind(told) == pytest.approx(kind(ground.soles))
    np.testing.assert_allclose(last.center_of_mass_m, last.sole_m[:, :2].mean(axis=0))


def test_rows_go_on_without_a_jump_into_the_look_and_at_its_end():
    ground = Ground(START)
    feet = WalkingFeet(ground, GaitConfig())
    rows = walked(feet, ground, (0.05, 0.05, 0.1))
    soles_m = np.array([row.sole_m for row in [*rows, feet.standing()]])
    assert np.linalg.norm(np.diff(soles_m, axis=0), axis=-1).max() < 0.08
    assert np.linalg.norm(np.diff(soles_m[-20:], axis=0), axis=-1).max() < 0.01
    weight_m = np.array([row.center_of_mass_m for row in rows])
    assert np.linalg.norm(np.diff(weight_m, axis=0), axis=-1).max() < 0.03


def test_who_is_there_already_takes_no_step():
    ground = Ground(START)
    feet = WalkingFeet(ground, GaitConfig())
    for row in feet.walk_to(middle(START)):
        assert (row.sole_m[:, 2] == 0.0).all()
        np.testing.assert_allclose(row.sole_m[:, :2], START[:, :2], atol=1e-9)
