import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.layout import GRIPPERS, NAMES, ROOT_PITCH, ROOT_YAW_RATE, pack
from hlm.runtime.safety import JOINT_SPEED_SHARE, MAX_GRIPPER_SPEED_PER_S, ReferenceLimits

LIMITS = ReferenceLimits(UNITREE_G1)
LOWER = pack(UNITREE_G1.lower_rad, np.zeros(2), np.array([-0.9, -0.9, -2.0]))
UPPER = pack(UNITREE_G1.upper_rad, np.ones(2), np.array([0.9, 0.9, 2.0]))
SPEED = pack(
    JOINT_SPEED_SHARE * UNITREE_G1.velocity_rad_s, np.full(2, MAX_GRIPPER_SPEED_PER_S), np.array([3.0, 3.0, 20.0])
)
STANDING = pack(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))

anything = arrays(np.float64, (34,), elements=st.floats(-1e6, 1e6))
inside = arrays(np.float64, (34,), elements=st.floats(0.0, 1.0)).map(lambda share: LOWER + share * (UPPER - LOWER))
times_s = st.floats(1e-3, 1.0)


@given(anything, inside, times_s)
def test_ranges_and_speeds_hold_whatever_is_asked(wanted, previous, dt_s):
    limited = LIMITS.limited(wanted, previous, dt_s)
    assert (limited >= LOWER - 1e-9).all()
    assert (limited <= UPPER + 1e-9).all()
    assert (np.abs(limited - previous) <= SPEED * dt_s + 1e-9).all()


@given(inside, arrays(np.float64, (34,), elements=st.floats(-1.0, 1.0)), times_s)
def test_an_admissible_reference_passes_unchanged(previous, share, dt_s):
    wanted = np.clip(previous + share * SPEED * dt_s, LOWER, UPPER)
    np.testing.assert_allclose(LIMITS.limited(wanted, previous, dt_s), wanted, rtol=0.0, atol=1e-12)


@given(anything, inside, times_s)
def test_limiting_twice_is_limiting_once(wanted, previous, dt_s):
    once = LIMITS.limited(wanted, previous, dt_s)
    np.testing.assert_allclose(LIMITS.limited(once, previous, dt_s), once, rtol=0.0, atol=1e-9)


@given(anything, inside)
def test_with_enough_time_the_nearest_admissible_reference_is_reached(wanted, previous):
    current = previous
    for _ in range(40):
        current = LIMITS.limited(wanted, current, 1.0)
    np.testing.assert_allclose(current, np.clip(wanted, LOWER, UPPER), atol=1e-9)


def test_arguments_stay_as_they_are():
    wanted, previous = np.full(34, 5.0), STANDING.copy()
    LIMITS.limited(wanted, previous, 0.1)
    assert (wanted == 5.0).all()
    np.testing.assert_array_equal(previous, STANDING)


def test_a_start_outside_of_the_ranges_comes_back_inside():
    previous = STANDING.copy()
    previous[ROOT_PITCH] = 1.1
    limited = LIMITS.limited(previous, previous, 1.0 / 30.0)
    assert limited[ROOT_PITCH] == pytest.approx(1.1 - 3.0 / 30.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, GRIPPERS[0], 20, ROOT_YAW_RATE])
def test_what_is_no_number_is_refused_by_the_dimensions_name(bad, place):
    wanted = STANDING.copy()
    wanted[place] = bad
    with pytest.raises(InputError, match=f"the reference source gave no number for {NAMES[place]}; stopped"):
        LIMITS.limited(wanted, STANDING, 0.1)


def test_several_bad_dimensions_are_named_but_not_all_34():
    with pytest.raises(InputError, match="no number for left_shoulder_pitch, left_shoulder_roll, left_shoulder_yaw;"):
        LIMITS.limited(np.full(34, np.nan), STANDING, 0.1)
