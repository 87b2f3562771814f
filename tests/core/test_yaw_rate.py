from collections.abc import Callable

import numpy as np
import pytest

from hlm.core.rotations import wrap_angle
from hlm.core.yaw_rate import (
    MAX_YAW_RATE_RAD_S,
    OPENHLM_RECORDER_WEIGHT,
    TIME_CONSTANT_S,
    YawRate,
    filter_yaw_rate,
    refiltered,
)


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


def recorded(yaw_rad, stamp_ns, weight=OPENHLM_RECORDER_WEIGHT):
    """[time] rates as OpenHLM's recorder writes them: one weight for every step, however long it took."""
    rates = [0.0]
    for before, now, dt_s in zip(yaw_rad[:-1], yaw_rad[1:], np.diff(stamp_ns) * 1e-9, strict=True):
        raw = float(wrap_angle(now - before)) / dt_s
        rates.append(float(np.clip(rates[-1] + weight * (raw - rates[-1]), -2.0, 2.0)))
    return np.array(rates)


def live(yaw_rad, stamp_ns):
    """[time] rates of the filter itself."""
    state, rates = None, []
    for stamp, yaw in zip(stamp_ns.tolist(), yaw_rad.tolist(), strict=True):
        state = filter_yaw_rate(state, stamp, yaw)
        rates.append(state.rate_rad_s)
    return np.array(rates)


@pytest.fixture
def swing():
    """[time] yaw and stamps of a swing of 0.8 rad at 0.5 Hz, at 30 Hz with the jitter of a loaded machine."""
    jitter_ns = np.random.default_rng(0).integers(-8_000_000, 8_000_000, 300)
    stamp_ns = np.arange(300) * 33_333_333 + jitter_ns
    return wrap_angle(3.0 + 0.8 * np.sin(np.pi * stamp_ns * 1e-9)), stamp_ns


def test_the_recorders_rates_become_those_of_the_filter(swing):
    yaw_rad, stamp_ns = swing
    theirs, ours = recorded(yaw_rad, stamp_ns), live(yaw_rad, stamp_ns)
    assert 0.5 < np.abs(theirs - ours).max() < 0.9  # the two time constants, 0.32 s and 0.19 s
    np.testing.assert_allclose(refiltered(theirs, stamp_ns, OPENHLM_RECORDER_WEIGHT), ours, atol=1e-9)


def test_rates_that_nobody_smoothed_are_smoothed(swing):
    _, stamp_ns = swing
    yaw_rad = 0.4 * np.sin(np.pi * stamp_ns * 1e-9)
    raw = recorded(yaw_rad, stamp_ns, weight=1.0)
    np.testing.assert_allclose(refiltered(raw, stamp_ns, 1.0), live(yaw_rad, stamp_ns), atol=1e-9)


@pytest.mark.parametrize(("rate_hz", "seconds"), [(30.0, 0.316), (50.0, 0.190)])
def test_a_weight_of_a_tenth_is_another_time_constant_at_another_rate(rate_hz, seconds):
    """The response to a step of the rate reaches 63 % after the time constant."""
    stamp_ns = np.round(np.arange(200) * 1e9 / rate_hz).astype(np.int64)
    response = recorded(0.5 * stamp_ns * 1e-9, stamp_ns) / 0.5
    reached_s = np.interp(1.0 - np.exp(-1.0), response, stamp_ns * 1e-9)
    assert reached_s == pytest.approx(seconds, abs=0.002)


@pytest.mark.parametrize("rate_hz", [30.0, 50.0, 200.0])
def test_the_response_to_a_swing_is_that_of_the_time_constant(rate_hz):
    """Amplitude 1 / sqrt(1 + (omega T)^2), as of every smoothing of first order."""
    omega = 2.0 * np.pi * 0.5
    stamp_ns = np.round(np.arange(round(8 * rate_hz)) * 1e9 / rate_hz).astype(np.int64)
    rates = live(0.3 * np.sin(omega * stamp_ns * 1e-9), stamp_ns)[round(4 * rate_hz) :]
    expected = 0.3 * omega / np.sqrt(1.0 + (omega * TIME_CONSTANT_S) ** 2)
    assert rates.max() == pytest.approx(expected, rel=0.02)


def test_refiltering_keeps_what_nothing_was_before_and_a_constant_rate():
    stamp_ns = np.arange(40) * 33_333_333
    rates = np.full(40, 0.7)
    np.testing.assert_allclose(refiltered(rates, stamp_ns, OPENHLM_RECORDER_WEIGHT), 0.7, atol=1e-12)
    rates[20] = np.nan
    rates[21:] = -0.4
    again = refiltered(rates, stamp_ns, OPENHLM_RECORDER_WEIGHT)
    assert np.flatnonzero(np.isnan(again)).tolist() == [20]
    np.testing.assert_allclose(again[21:], -0.4, atol=1e-12)
    assert np.isnan(rates[20])
    assert rates[0] == 0.7  # the input stays as it is
