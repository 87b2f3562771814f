import numpy as np
import pytest

from hlm.core.clock import STEP_HZ
from hlm.sim.operators.hand_strokes import HandStrokes, Stroke

START_M, GOAL_M = np.array([0.1, -0.2, 0.9]), np.array([0.3, -0.1, 1.0])


def hand(observed_grip_m=lambda: START_M, variation=0.0, seed=0):
    return HandStrokes(START_M, observed_grip_m, np.random.default_rng(seed), variation)


def test_a_stroke_ends_at_its_goal_in_its_time():
    moving = hand()
    steps = list(moving.move(Stroke(goal_m=lambda: GOAL_M, duration_s=1.0, bend=0.7, opening=0.0)))
    assert len(steps) == STEP_HZ
    np.testing.assert_allclose(steps[-1].grip_m, GOAL_M)
    assert (steps[-1].bend, steps[-1].opening) == pytest.approx((0.7, 0.0))
    np.testing.assert_array_equal(steps[-1].target_m, steps[-1].grip_m)
    assert np.linalg.norm(steps[0].grip_m - START_M) < 1e-3


def test_a_stroke_follows_a_goal_that_moves():
    moving, goal_m = hand(), GOAL_M.copy()
    steps = moving.move(Stroke(goal_m=lambda: goal_m, duration_s=0.5))
    next(steps)
    goal_m = GOAL_M + 0.1
    *_, last = steps
    np.testing.assert_allclose(last.grip_m, GOAL_M + 0.1)


def test_closed_loop_strokes_correct_the_observed_error_up_to_a_limit():
    off_m = np.array([0.0, 0.01, -0.01])
    moving = hand(observed_grip_m=lambda: START_M + off_m)
    steps = list(moving.move(Stroke(goal_m=lambda: START_M, duration_s=0.5, closed_loop=True)))
    correction_m = steps[-1].target_m - steps[-1].grip_m
    assert correction_m[0] == 0.0
    assert correction_m[1] < -0.002
    assert correction_m[2] > 0.002
    far = hand(observed_grip_m=lambda: START_M + 1.0)
    *_, last = far.move(Stroke(goal_m=lambda: START_M, duration_s=5.0, closed_loop=True))
    np.testing.assert_allclose(last.target_m - last.grip_m, -0.03)


def test_open_loop_strokes_are_not_corrected():
    moving = hand(observed_grip_m=lambda: START_M + 0.1)
    for step in moving.move(Stroke(goal_m=lambda: GOAL_M, duration_s=0.5)):
        np.testing.assert_array_equal(step.target_m, step.grip_m)


def test_variation_trembles_and_pauses_where_the_hand_is():
    moving = hand(variation=1.0, seed=1)
    steps = list(moving.move(Stroke(goal_m=lambda: GOAL_M, duration_s=1.0)))
    tremor_m = np.array([step.target_m - step.grip_m for step in steps])
    assert 1e-4 < np.abs(tremor_m).max() < 0.01
    pauses = [step for _ in range(10) for step in moving.pause(0.5)]
    assert pauses
    for step in pauses:
        np.testing.assert_allclose(step.grip_m, GOAL_M)
    assert not [step for _ in range(10) for step in hand().pause(0.5)]


def test_the_hand_does_not_move_the_callers_start():
    start_m = START_M.copy()
    moving = HandStrokes(start_m, lambda: start_m, np.random.default_rng(0), 1.0)
    list(moving.move(Stroke(goal_m=lambda: GOAL_M, duration_s=0.2)))
    np.testing.assert_array_equal(start_m, START_M)
