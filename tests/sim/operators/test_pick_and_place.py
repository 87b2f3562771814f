import numpy as np
import pytest

from hlm.sim.operators.hand_strokes import HandStrokes
from hlm.sim.operators.pick_and_place import PickAndPlaceStrokes

HOME_M, OBJECT_M, MAT_M = np.array([0.1, -0.2, 0.9]), np.array([0.4, -0.25, 0.84]), np.array([0.4, 0.05, 0.78])
HALF_HEIGHT_M = 0.06


@pytest.fixture
def hand():
    return HandStrokes(HOME_M, lambda: HOME_M, np.random.default_rng(0), 0.0)


@pytest.fixture
def strokes(hand):
    return PickAndPlaceStrokes(hand, lambda: OBJECT_M, lambda: MAT_M, HALF_HEIGHT_M)


def test_it_approaches_the_object_from_the_front_and_closes_around_it(strokes):
    steps = list(strokes.pick(bend=0.5))
    closing = next(index for index, step in enumerate(steps) if step.opening < 1.0)
    assert all(step.opening == 1.0 for step in steps[:closing])
    # The last decimetre is straight ahead.
    approach_m = np.array([step.grip_m for step in steps[:closing] if OBJECT_M[0] - step.grip_m[0] < 0.1])
    np.testing.assert_allclose(approach_m[-10:, 1:], np.tile(OBJECT_M[1:], (10, 1)), atol=1e-9)
    np.testing.assert_allclose(steps[-1].grip_m, OBJECT_M)
    assert (steps[-1].opening, steps[-1].bend) == (0.0, 0.5)


def test_it_sets_the_object_down_from_above_and_releases_it(strokes):
    list(strokes.pick())
    steps = list(strokes.place())
    opening = next(index for index, step in enumerate(steps) if step.opening > 0.0)
    release_m = MAT_M + np.array([0.0, 0.0, HALF_HEIGHT_M])
    np.testing.assert_allclose(steps[opening].grip_m, release_m, atol=0.003)
    assert steps[opening - 20].grip_m[2] > release_m[2]
    np.testing.assert_allclose(steps[opening - 20].grip_m[:2], release_m[:2], atol=1e-9)
    assert steps[-1].opening == 1.0


def test_it_retreats_by_the_offset_before_it_goes_home(hand, strokes):
    list(strokes.pick())
    list(strokes.place())
    start_m, offset_m = hand.grip_m.copy(), np.array([-0.1, -0.02, 0.01])
    steps = list(strokes.retreat(offset_m, HOME_M))
    assert min(np.linalg.norm(step.grip_m - start_m - offset_m) for step in steps) < 1e-9
    np.testing.assert_allclose(steps[-1].grip_m, HOME_M)
    assert all(step.opening == 1.0 for step in steps)
