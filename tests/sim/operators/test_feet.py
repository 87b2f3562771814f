"""The operator's frame and the world: they coincide before the first walk, and differ by the errors of walks after."""

import numpy as np
import pytest

from hlm.control.walking_pattern import GaitConfig, middle
from hlm.sim.operators.feet import WalkingFeet

START = np.array([[-0.5, 0.12, 0.05], [-0.5, -0.116, 0.05]])
GOAL = np.array([0.1, 0.02, -0.03])


class Ground:
    """Soles that the test places."""

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
    """Walk to the goal and end with an error of `offset`; returns the steps."""
    walk = feet.walk_to(GOAL)
    steps = [next(walk)]
    width = GaitConfig().stance_width_m
    across = width / 2 * np.array([-np.sin(GOAL[2]), np.cos(GOAL[2])])
    meant = np.array([[*(GOAL[:2] + across), GOAL[2]], [*(GOAL[:2] - across), GOAL[2]]])
    ground.soles = shifted(meant, offset)
    return steps + list(walk)


def test_before_the_first_walk_the_operators_frame_is_the_world():
    feet = WalkingFeet(Ground(START), GaitConfig())
    np.testing.assert_allclose(feet.pose_operator_from_stance @ feet.pose_stance_from_world, np.eye(4), atol=1e-12)
    assert feet.distance_to(middle(START)) == pytest.approx((0.0, 0.0), abs=1e-12)
    distance_m, turn_rad = feet.distance_to(GOAL)
    assert distance_m == pytest.approx(np.hypot(*(GOAL - middle(START))[:2]))
    assert turn_rad == pytest.approx(0.08)


def test_a_walk_without_error_changes_no_frame():
    ground = Ground(START)
    feet = WalkingFeet(ground, GaitConfig())
    steps = walked(feet, ground, (0.0, 0.0, 0.0))
    np.testing.assert_allclose(feet.pose_operator_from_stance @ feet.pose_stance_from_world, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(steps[-1].sole_position_m[:, :2].mean(axis=0), GOAL[:2], atol=1e-9)
    assert feet.distance_to(GOAL) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_after_a_walk_with_error_the_world_is_corrected():
    ground = Ground(START)
    feet = WalkingFeet(ground, GaitConfig())
    steps = walked(feet, ground, (0.03, -0.02, 0.05))
    # The assumed feet do not jump: they stand where they were commanded to.
    np.testing.assert_allclose(steps[-1].sole_position_m[:, :2].mean(axis=0), GOAL[:2], atol=1e-9)
    assert feet.distance_to(GOAL) == pytest.approx((np.hypot(0.03, 0.02), 0.05), abs=1e-9)
    stance = middle(ground.soles)
    np.testing.assert_allclose(at(feet.pose_stance_from_world, *stance[:2]), 0.0, atol=1e-9)
    ahead = stance[:2] + 0.4 * np.array([np.cos(stance[2]), np.sin(stance[2])])
    np.testing.assert_allclose(at(feet.pose_stance_from_world, *ahead), [0.4, 0.0], atol=1e-9)


def test_a_second_walk_compensates_the_error_of_the_first():
    ground = Ground(START)
    feet = WalkingFeet(ground, GaitConfig())
    walked(feet, ground, (0.08, -0.05, 0.12))
    steps = walked(feet, ground, (0.0, 0.0, 0.0))
    assert len(steps) > 0
    assert feet.distance_to(GOAL) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_after_the_correction_the_assumed_feet_are_relative_to_each_other_as_the_true_ones():
    ground = Ground(START)
    feet = WalkingFeet(ground, GaitConfig())
    walk = feet.walk_to(GOAL)
    next(walk)
    ground.soles = np.array([[0.12, 0.15, 0.02], [0.08, -0.12, -0.06]])
    *_, last = walk
    assumed = np.column_stack([last.sole_position_m[:, :2], last.sole_yaw_rad])
    for measure in (lambda soles: soles[0, 2] - soles[1, 2], lambda soles: np.hypot(*(soles[0] - soles[1])[:2])):
        assert measure(assumed) == pytest.approx(measure(ground.soles))
    np.testing.assert_allclose(last.com_position_m, last.sole_position_m[:, :2].mean(axis=0))


def test_soles_do_not_jump_before_or_after_the_correction():
    ground = Ground(START)
    feet = WalkingFeet(ground, GaitConfig())
    steps = walked(feet, ground, (0.05, 0.05, 0.1))
    soles_m = np.array([step.sole_position_m for step in [*steps, feet.standing()]])
    assert np.linalg.norm(np.diff(soles_m, axis=0), axis=-1).max() < 0.08
    assert np.linalg.norm(np.diff(soles_m[-20:], axis=0), axis=-1).max() < 0.01
    com_m = np.array([step.com_position_m for step in steps])
    assert np.linalg.norm(np.diff(com_m, axis=0), axis=-1).max() < 0.03


def test_a_walk_to_the_present_place_takes_no_footstep():
    ground = Ground(START)
    feet = WalkingFeet(ground, GaitConfig())
    for step in feet.walk_to(middle(START)):
        assert (step.sole_position_m[:, 2] == 0.0).all()
        np.testing.assert_allclose(step.sole_position_m[:, :2], START[:, :2], atol=1e-9)
