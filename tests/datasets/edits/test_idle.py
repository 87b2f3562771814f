import numpy as np
import pytest

from hlm.datasets.edits.idle import moving_steps, still_steps


def motion(before, moving, after):
    """[time, 34] one joint that stands, moves by 1 rad, and stands."""
    angle = np.concatenate([np.zeros(before), np.linspace(0.0, 1.0, moving), np.ones(after)])
    values = np.zeros((len(angle), 34))
    values[:, 3] = angle
    return values


def test_still_steps_end_where_motion_begins():
    values = motion(10, 21, 5)
    assert still_steps(values, 0.04) == 11
    assert still_steps(values[::-1], 0.04) == 6
    assert still_steps(values, 2.0) == len(values)


def test_a_slow_drift_is_motion_once_it_has_gone_far():
    values = motion(0, 1001, 0)
    assert still_steps(values, 0.05) == pytest.approx(51, abs=1)


def test_noise_below_the_limit_is_stillness():
    values = motion(50, 21, 30) + 0.01 * np.random.default_rng(0).uniform(-1.0, 1.0, (101, 34))
    assert moving_steps(values, values, 0.05, 0) == pytest.approx((51, 71), abs=2)


@pytest.mark.parametrize("leave", [0, 3, 8])
def test_some_stillness_remains(leave):
    values = motion(20, 21, 10)
    start, stop = moving_steps(values, values, 0.04, leave)
    assert (start, stop) == (21 - leave, 51 - max(11 - leave, 0))


def test_state_and_action_must_both_be_still():
    state, action = motion(20, 21, 10), motion(5, 21, 25)
    assert moving_steps(state, action, 0.04, 0) == (6, 40)
    assert moving_steps(action, state, 0.04, 0) == (6, 40)


def test_an_episode_without_motion_stays_whole():
    values = motion(40, 0, 0)
    assert moving_steps(values, values, 0.05, 5) == (0, 40)
    assert moving_steps(values[:0], values[:0], 0.05, 5) == (0, 0)


def test_input_is_unchanged():
    values = motion(5, 5, 5)
    copy = values.copy()
    moving_steps(values, values, 0.05, 1)
    assert np.array_equal(values, copy)
