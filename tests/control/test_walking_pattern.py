from itertools import pairwise

import numpy as np
import pytest

from hlm.control.model import GRAVITY_M_S2
from hlm.control.walking_pattern import (
    LEFT,
    RIGHT,
    Footstep,
    GaitConfig,
    Onward,
    WalkingPattern,
    footsteps_along,
    footsteps_to,
    middle,
)
from hlm.core.errors import InputError

GAIT = GaitConfig()
SOLES = np.array([[0.0, 0.118, 0.0], [0.0, -0.118, 0.0]])
GOALS = [(0.8, 0.0, 0.0), (-0.3, -0.1, -0.3), (0.0, 0.3, 0.0), (0.0, 0.0, 2.5), (0.4, -0.2, -1.0)]


@pytest.mark.parametrize("goal", GOALS)
def test_footsteps_end_at_the_goal_in_alternating_steps_that_feet_can_take(goal: tuple[float, float, float]) -> None:
    steps = footsteps_to(np.array(goal), SOLES, GAIT)
    assert all(one.foot != other.foot for one, other in pairwise(steps))
    soles = SOLES.copy()
    for step in steps:
        # A foot moves by twice the body's step when the other one has moved in between.
        assert np.hypot(*(step.sole[:2] - soles[step.foot, :2])) < 2.0 * np.hypot(*GAIT.max_step[:2]) + 0.12
        soles[step.foot] = step.sole
        across = np.hypot(*(soles[0, :2] - soles[1, :2]))
        assert across > 0.15, "the feet do not meet"
    np.testing.assert_allclose(middle(soles), goal, atol=1e-9)
    assert np.hypot(*(soles[0, :2] - soles[1, :2])) == pytest.approx(GAIT.stance_width_m)


def test_at_the_goal_no_step_is_taken() -> None:
    assert footsteps_to(np.array([0.005, 0.0, 0.01]), SOLES, GAIT) == ()
    assert WalkingPattern((), SOLES, GAIT).duration_s == 0.0


@pytest.mark.parametrize(
    ("velocity", "first"), [((0.2, 0.0, 0.0), LEFT), ((0.0, -0.1, 0.0), RIGHT), ((0.0, 0.0, -0.3), RIGHT)]
)
def test_walking_at_a_velocity_goes_as_far_as_it_says(velocity: tuple[float, float, float], first: int) -> None:
    steps = footsteps_along([(*velocity, 6.0)], SOLES, GAIT)
    assert steps[0].foot == first
    soles = SOLES.copy()
    for step in steps:
        soles[step.foot] = step.sole
    step_s = GAIT.single_support_s + GAIT.double_support_s
    np.testing.assert_allclose(middle(soles), np.array(velocity) * (6.0 - 0.5 * step_s), atol=1e-9)


def test_stance_feet_do_not_move_and_at_most_one_foot_swings() -> None:
    pattern = WalkingPattern(footsteps_to(np.array([0.4, 0.1, 0.3]), SOLES, GAIT), SOLES, GAIT)
    poses = [pattern.at(time_s) for time_s in np.arange(-0.5, pattern.duration_s + 0.5, 0.01)]
    heights = np.array([pose.sole_position_m[:, 2] for pose in poses])
    assert ((heights > 1e-9).sum(axis=1) <= 1).all()
    assert heights.max() == pytest.approx(GAIT.swing_height_m, abs=2e-4)
    moved = np.abs(np.diff([pose.sole_position_m[:, :2] for pose in poses], axis=0)).max(axis=2)
    standing = np.maximum(heights[1:], heights[:-1]) < 1e-9
    assert (moved[standing] < 1e-9).all()


def test_the_centre_of_mass_is_a_pendulum_over_the_feet_that_stand() -> None:
    """The zero-moment point that its acceleration needs lies between the feet, and under the one that stands alone."""
    pattern = WalkingPattern(footsteps_to(np.array([0.5, 0.0, 0.0]), SOLES, GAIT), SOLES, GAIT)
    dt_s = 0.02
    times = np.arange(0.2, pattern.duration_s - 0.2, dt_s)
    poses = [pattern.at(time_s) for time_s in times]
    com_m = np.array([pose.com_position_m for pose in poses])
    acceleration = (com_m[2:] - 2.0 * com_m[1:-1] + com_m[:-2]) / dt_s**2
    zmp_m = com_m[1:-1] - GAIT.com_height_m / GRAVITY_M_S2 * acceleration
    for point, pose in zip(zmp_m, poses[1:-1], strict=True):
        air = np.flatnonzero(pose.sole_position_m[:, 2] > 5e-3)
        if len(air) == 1:
            assert np.hypot(*(point - pose.sole_position_m[1 - air[0], :2])) < 0.012
        assert abs(point[1]) < 0.13
    np.testing.assert_allclose(com_m[-1], [0.5, 0.0], atol=2e-3)


def test_bad_footsteps_are_refused() -> None:
    with pytest.raises(InputError, match="foot must be 0"):
        Footstep(foot=2, sole=np.zeros(3))
    with pytest.raises(InputError, match="swing_height_m must be positive"):
        GaitConfig(swing_height_m=0.0)


def test_a_walk_that_goes_on_from_itself_is_the_same_walk() -> None:
    steps = footsteps_to(np.array([0.6, 0.1, 0.2]), SOLES, GAIT)
    whole = WalkingPattern(steps, SOLES, GAIT)
    touchdown_s = whole.touchdown_s(0)
    soles = SOLES.copy()
    soles[steps[0].foot] = steps[0].sole
    rest = WalkingPattern(steps[1:], soles, GAIT, Onward(whole.state_at(touchdown_s), GAIT.double_support_s))
    for time_s in np.arange(0.0, rest.duration_s, 0.05):
        one, other = whole.at(touchdown_s + time_s), rest.at(time_s)
        np.testing.assert_allclose(other.sole_position_m, one.sole_position_m, atol=1e-9)
        np.testing.assert_allclose(other.com_position_m, one.com_position_m, atol=5e-3)


def test_a_walk_that_goes_on_elsewhere_keeps_the_speed_of_the_centre_of_mass() -> None:
    steps = footsteps_to(np.array([0.6, 0.0, 0.0]), SOLES, GAIT)
    whole = WalkingPattern(steps, SOLES, GAIT)
    touchdown_s = whole.touchdown_s(0)
    soles = SOLES.copy()
    soles[steps[0].foot] = steps[0].sole
    elsewhere = footsteps_to(np.array([0.2, -0.1, -0.2]), soles, GAIT)
    begins = [step.foot for step in elsewhere].index(1 - steps[0].foot)
    rest = WalkingPattern(elsewhere[begins:], soles, GAIT, Onward(whole.state_at(touchdown_s), GAIT.double_support_s))
    before = (whole.at(touchdown_s).com_position_m - whole.at(touchdown_s - 0.01).com_position_m) / 0.01
    after = (rest.at(0.01).com_position_m - rest.at(0.0).com_position_m) / 0.01
    np.testing.assert_allclose(rest.at(0.0).com_position_m, whole.at(touchdown_s).com_position_m, atol=1e-9)
    np.testing.assert_allclose(after, before, atol=0.03)
    np.testing.assert_allclose(rest.at(rest.duration_s).com_position_m, middle_of_last(elsewhere, soles), atol=5e-3)


def middle_of_last(steps: tuple[Footstep, ...], soles: np.ndarray) -> np.ndarray:
    ends = soles.copy()
    for step in steps:
        ends[step.foot] = step.sole
    return ends[:, :2].mean(axis=0)
