from collections.abc import Callable

import numpy as np
import pytest

from hlm.core.rotations import wrap_angle
from hlm.core.yaw_rate import MAX_YAW_RATE_RAD_S, TIME_CONSTANT_S, YawRate, filter_yaw_rate


def filtered(yaw_rad: Callable[[float], float], rate_hz: float, duration_s: float) -> dict[int, float]:
    """Filtered rate by stamp."""
    rates, state = {}, None
    for sample in range(round(duration_s * rate_hz) + 1):
        stamp_ns = round(sample * 1e9 / rate_hz)
        state = filter_yaw_rate(state, stamp_ns, float(wrap_angle(yaw_rad(stamp_ns * 1e-9))))
        rates[stamp_ns] = state.rate_rad_s
    return rates


@pytest.mark.parametrize("rate_rad_s", [-1.2, 0.0, 0.4, 1.9])
def test_a_constant_rate_converges_also_across_half_a_turn(rate_rad_s):
    rates = filtered(lambda time_s: 3.0 + rate_rad_s * time_s, 30.0, 5.0)
    assert list(rates.values())[-1] == pytest.approx(rate_rad_s, abs=1e-6)


def test_the_way_to_a_constant_rate_is_exponential():
    for stamp_ns, rate_rad_s in filtered(lambda time_s: time_s, 50.0, 1.0).items():
        assert rate_rad_s == pytest.approx(1.0 - np.exp(-stamp_ns * 1e-9 / TIME_CONSTANT_S), abs=1e-9)


@pytest.mark.parametrize("yaw_rad", [lambda time_s: 0.7 * time_s, lambda time_s: 0.5 * np.sin(2.0 * time_s)])
def test_30_and_50_hz_agree_at_the_instants_that_they_share(yaw_rad):
    slow, fast = filtered(yaw_rad, 30.0, 4.0), filtered(yaw_rad, 50.0, 4.0)
    shared = sorted(slow.keys() & fast.keys())
    assert len(shared) == 41
    # A sampled difference quotient lags by half a sample, which differs by 7 ms between the two.
    np.testing.assert_allclose([slow[stamp] for stamp in shared], [fast[stamp] for stamp in shared], atol=0.02)


def test_openhlms_weight_at_50_hz():
    state = filter_yaw_rate(YawRate(0, 0.0), 20_000_000, 0.02)
    assert state.rate_rad_s == pytest.approx(0.1 * 1.0)


def test_the_step_across_pi_is_the_short_way():
    state = filter_yaw_rate(YawRate(0, np.pi - 0.01), 20_000_000, -np.pi + 0.01)
    assert state.rate_rad_s == pytest.approx(0.1 * 1.0)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_it_is_clipped_at_two_rad_per_s(sign):
    rates = filtered(lambda time_s: sign * 9.0 * time_s, 30.0, 3.0)
    assert list(rates.values())[-1] == sign * MAX_YAW_RATE_RAD_S
    assert max(abs(rate) for rate in rates.values()) <= 2.0


def test_the_first_sample_has_no_rate():
    assert filter_yaw_rate(None, 5, 1.0) == YawRate(5, 1.0, 0.0)


@pytest.mark.parametrize("stamp_ns", [99, 100])
def test_a_sample_that_is_not_newer_changes_nothing(stamp_ns):
    state = YawRate(100, 0.3, 0.4)
    assert filter_yaw_rate(state, stamp_ns, 1.0) is state
