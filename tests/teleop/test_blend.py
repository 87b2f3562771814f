"""Laws of the way from a held reference to a moving one."""

import numpy as np
import pytest

from hlm.core.clock import NS_PER_S
from hlm.core.layout import DIMENSIONS, ROOT_YAW_RATE
from hlm.teleop.blend import MEAN_SPEED_RAD_S, SHORTEST_S, Blend, at_rest

RNG = np.random.default_rng(0)
HELD, WANTED = RNG.normal(size=(2, DIMENSIONS))
START_NS = 7 * NS_PER_S


def test_it_begins_where_it_was_held_and_ends_where_it_is_wanted():
    blend = Blend(HELD, WANTED, START_NS)
    np.testing.assert_allclose(blend.at(START_NS, WANTED), at_rest(HELD))
    end_ns = START_NS + round(blend.duration_s * NS_PER_S)
    np.testing.assert_allclose(blend.at(end_ns, WANTED), WANTED)
    np.testing.assert_allclose(blend.at(end_ns + NS_PER_S, -WANTED), -WANTED)
    assert blend.done(end_ns)
    assert not blend.done(end_ns - 1)


@pytest.mark.parametrize("far", [0.0, 0.1, 1.0, 3.0])
def test_it_takes_longer_the_farther_it_is_and_never_less_than_half_a_second(far):
    wanted = at_rest(HELD)
    wanted[3] += far  # rad
    blend = Blend(HELD, wanted, START_NS)
    assert blend.duration_s == pytest.approx(max(SHORTEST_S, far / MEAN_SPEED_RAD_S))


def test_it_starts_and_ends_without_a_jump_of_speed():
    blend = Blend(at_rest(HELD), at_rest(WANTED), START_NS)
    instants_ns = START_NS + np.linspace(0.0, blend.duration_s, 400) * NS_PER_S
    path = np.array([blend.at(int(instant_ns), at_rest(WANTED)) for instant_ns in instants_ns])
    speed = np.abs(np.diff(path, axis=0)).max(axis=1)
    assert speed[0] < 0.01 * speed.max()
    assert speed[-1] < 0.01 * speed.max()


def test_a_held_pose_does_not_turn():
    assert HELD[ROOT_YAW_RATE] != 0.0
    assert at_rest(HELD)[ROOT_YAW_RATE] == 0.0
    before = HELD.copy()
    Blend(HELD, WANTED, START_NS).at(START_NS, WANTED)
    np.testing.assert_array_equal(HELD, before)
