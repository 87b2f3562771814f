import numpy as np
import pytest

from hlm.sim.operators.hand_strokes import ROW_HZ, HandStrokes, Stroke

START_M, GOAL_M = np.array([0.1, -0.2, 0.9]), np.array([0.3, -0.1, 1.0])


def hand(see=lambda: START_M, variation=0.0, seed=0):
    return HandStrokes(START_M, see, np.random.default_rng(seed), variation)


def test_a_stroke_ends_at_its_goal_in_its_time():
    moving = hand()
    rows = list(moving.move(Stroke(goal=lambda: GOAL_M, duration_s=1.0, bend=0.7, opening=0.0)))
    assert len(rows) == ROW_HZ
    np.testing.assert_allclose(rows[-1].grip_m, GOAL_M)
    assert (rows[-1].bend, rows[-1].opening) == pytest.approx((0.7, 0.0))
    np.testing.assert_array_equal(rows[-1].target_m, rows[-1].grip_m)
    assert np.linalg.norm(rows[0].grip_m - START_M) < 1e-3


def test_a_stroke_follows_a_goal_that_moves():
    moving, goal_m = hand(), GOAL_M.copy()
    rows = moving.move(Stroke(goal=lambda: goal_m, duration_s=0.5))
    next(rows)
    goal_m = GOAL_M + 0.1
    *_, last = rows
    np.testing.assert_allclose(last.grip_m, GOAL_M + 0.1)


def test_watching_moves_the_target_against_what_the_hand_is_off_but_not_far():
    off_m = np.array([0.0, 0.01, -0.01])
    moving = hand(see=lambda: START_M + off_m)
    rows = list(moving.move(Stroke(goal=lambda: START_M, duration_s=0.5, watch=True)))
    correction_m = rows[-1].target_m - rows[-1].grip_m
    assert correction_m[0] == 0.0
    assert correction_m[1] < -0.002
    assert correction_m[2] > 0.002
    far = hand(see=lambda: START_M + 1.0)
    *_, last = far.move(Stroke(goal=lambda: START_M, duration_s=5.0, watch=True))
    np.testing.assert_allclose(last.target_m - last.grip_m, -0.03)


def test_an_unwatched_hand_is_not_corrected():
    moving = hand(see=lambda: START_M + 0.1)
    for row in moving.move(Stroke(goal=lambda: GOAL_M, duration_s=0.5)):
        np.testing.assert_array_equal(row.target_m, row.grip_m)


def test_variation_trembles_and_pauses_where_the_hand_is():
    moving = hand(variation=1.0, seed=1)
    rows = list(moving.move(Stroke(goal=lambda: GOAL_M, duration_s=1.0)))
    tremor_m = np.array([row.target_m - row.grip_m for row in rows])
    assert 1e-4 < np.abs(tremor_m).max() < 0.01
    pauses = [row for _ in range(10) for row in moving.pause(0.5)]
    assert pauses
    for row in pauses:
        np.testing.assert_allclose(row.grip_m, GOAL_M)
    assert not [row for _ in range(10) for row in hand().pause(0.5)]


def test_the_hand_does_not_move_the_callers_start():
    start_m = START_M.copy()
    moving = HandStrokes(start_m, lambda: start_m, np.random.default_rng(0), 1.0)
    list(moving.move(Stroke(goal=lambda: GOAL_M, duration_s=0.2)))
    np.testing.assert_array_equal(start_m, START_M)
