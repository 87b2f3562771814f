"""Laws of references on other time grids."""

import numpy as np
import pytest

from hlm.core.errors import InputError, MismatchError
from hlm.core.layout import DIMENSIONS, GRIPPERS, LEFT_ARM, ROOT_YAW_RATE
from hlm.core.resampling import StreamResampler, headings, resample

SMOOTH = [column for column in range(DIMENSIONS) if column not in (*GRIPPERS, ROOT_YAW_RATE)]
START_NS = 7_123_456_789_012_345  # what a clock says after months


def grid(rate_hz, duration_s, start_ns=START_NS):
    return start_ns + np.round(np.arange(round(rate_hz * duration_s)) * 1e9 / rate_hz).astype(np.int64)


def seconds(stamp_ns, since_ns=START_NS):
    return (stamp_ns - since_ns) * 1e-9


def vectors(values):
    return np.repeat(np.asarray(values, dtype=float)[:, None], DIMENSIONS, axis=1)


def jittered(stamp_ns, seed=0, spread_s=0.006):
    return stamp_ns + np.random.default_rng(seed).integers(-int(spread_s * 1e9), int(spread_s * 1e9), len(stamp_ns))


def within(at_ns, stamp_ns):
    return at_ns[(at_ns >= stamp_ns[0]) & (at_ns <= stamp_ns[-1])]


@pytest.mark.parametrize("rate_hz", [50.0, 100.0, 123.4])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_polynomials_up_to_cubics_are_exact_with_their_velocities_whatever_the_jitter(rate_hz, degree):
    law = np.polynomial.Polynomial([0.3, -0.7, 0.4, 0.2][: degree + 1])
    stamps = jittered(grid(30.0, 2.0))
    at_ns = within(grid(rate_hz, 2.0), stamps)
    result = resample(stamps, vectors(law(seconds(stamps))), at_ns)
    assert np.allclose(result.vector[:, SMOOTH], law(seconds(at_ns))[:, None], atol=1e-11)
    assert np.allclose(result.velocity[:, SMOOTH], law.deriv()(seconds(at_ns))[:, None], atol=1e-9)


@pytest.mark.parametrize("rate_hz", [50.0, 100.0])
@pytest.mark.parametrize(
    ("frequency_hz", "position_error", "velocity_error"), [(0.5, 2e-5, 3e-4), (1.0, 1e-4, 2e-3), (2.0, 1.6e-3, 1.6e-2)]
)
def test_a_sine_keeps_amplitude_phase_and_velocity(rate_hz, frequency_hz, position_error, velocity_error):
    omega = 2.0 * np.pi * frequency_hz
    stamps = grid(30.0, 6.0)
    at_ns = within(grid(rate_hz, 6.0), stamps)
    at_ns = at_ns[(seconds(at_ns) > 0.5) & (seconds(at_ns) < 5.5)]
    result = resample(stamps, vectors(np.sin(omega * seconds(stamps))), at_ns)
    time_s = seconds(at_ns)
    assert np.abs(result.vector[:, 0] - np.sin(omega * time_s)).max() < position_error
    assert np.abs(result.velocity[:, 0] / omega - np.cos(omega * time_s)).max() < velocity_error
    sine, cosine = np.linalg.lstsq(np.stack([np.sin(omega * time_s), np.cos(omega * time_s)], 1), result.vector[:, 0])[
        0
    ]
    assert np.hypot(sine, cosine) == pytest.approx(1.0, abs=position_error)
    assert np.arctan2(cosine, sine) / omega == pytest.approx(0.0, abs=1e-5)  # s late


def test_references_themselves_are_kept():
    stamps, values = jittered(grid(30.0, 1.0)), np.random.default_rng(1).normal(size=(30, DIMENSIONS))
    assert np.allclose(resample(stamps, values, stamps).vector, values, atol=1e-12)


def test_time_has_no_origin():
    values = np.random.default_rng(2).normal(size=(30, DIMENSIONS))
    one = resample(grid(30.0, 1.0, 0), values, grid(50.0, 1.0, 0))
    two = resample(grid(30.0, 1.0, 10**18), values, grid(50.0, 1.0, 10**18))
    assert np.array_equal(one.vector, two.vector)
    assert np.array_equal(one.velocity, two.velocity)


def test_it_is_held_at_rest_outside():
    values = vectors([0.0, 1.0, 2.0, 3.0, 4.0])
    result = resample(grid(30.0, 5 / 30), values, np.array([START_NS - 1, START_NS + 10**9]))
    assert result.vector[:, 0].tolist() == [0.0, 4.0]
    assert not result.velocity.any()


def test_a_gap_is_crossed_in_a_line():
    stamps = np.concatenate([grid(30.0, 0.5), grid(30.0, 0.5, START_NS + 10**9)])
    values = np.concatenate([np.sin(5.0 * seconds(grid(30.0, 0.5))), np.full(15, 2.0)])
    at_ns = stamps[14] + np.linspace(0, stamps[15] - stamps[14], 20).astype(np.int64)
    result = resample(stamps, vectors(values), at_ns).vector[:, 0]
    assert np.allclose(result, np.interp(at_ns.astype(float), stamps.astype(float), values), atol=1e-6)


def test_grippers_never_overshoot_and_joints_little():
    step = np.repeat([0.0, 1.0], 10)
    result = resample(grid(30.0, 20 / 30), vectors(step), grid(200.0, 0.6)).vector
    assert result[:, GRIPPERS].min() >= 0.0
    assert result[:, GRIPPERS].max() <= 1.0
    assert result[:, LEFT_ARM].max() < 1.08
    assert result[:, LEFT_ARM].min() > -0.08


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_references_are_enough(count):
    result = resample(grid(30.0, count / 30), vectors(np.arange(count)), grid(50.0, 0.2))
    assert np.isfinite(result.vector).all()
    assert result.vector[0, 0] == 0.0


def test_a_heading_does_not_drift():
    stamps = jittered(grid(30.0, 100.0))
    rate = np.full(len(stamps), 0.3)
    assert headings(stamps, rate, stamps[-1:]) == pytest.approx(0.3 * (stamps[-1] - stamps[0]) * 1e-9, abs=1e-9)
    turning = np.sin(2.0 * np.pi * seconds(grid(30.0, 100.0)))
    heading = headings(grid(30.0, 100.0), turning, grid(30.0, 100.0)[::30])
    assert np.abs(heading - heading[0]).max() < 1e-9


def test_a_heading_is_the_same_on_every_grid_and_its_rate_is_that_of_the_references():
    stamps, rate = grid(30.0, 2.0), np.random.default_rng(3).normal(size=60)
    coarse, fine = grid(50.0, 1.9), grid(100.0, 1.9)
    assert np.allclose(headings(stamps, rate, coarse), headings(stamps, rate, fine)[::2], atol=1e-12)
    vector = np.zeros((60, DIMENSIONS))
    vector[:, ROOT_YAW_RATE] = rate
    inner = grid(1000.0, 1.9)
    quotient = (headings(stamps, rate, inner + 1000) - headings(stamps, rate, inner - 1000))[1:] / 2e-6
    assert np.allclose(quotient, resample(stamps, vector, inner).vector[1:, ROOT_YAW_RATE], atol=1e-3)


def test_a_stream_gives_its_latency_ago_what_all_references_give():
    stamps = jittered(grid(30.0, 3.0), spread_s=0.003)
    values = np.random.default_rng(4).normal(size=(90, DIMENSIONS))
    stream, pushed = StreamResampler(1 / 30, delay_s=0.01), 0
    got, asked = [], []
    for now_ns in grid(50.0, 2.9):
        while pushed < 90 and stamps[pushed] <= now_ns:
            stream.push(int(stamps[pushed]), values[pushed])
            pushed += 1
        instant_ns = now_ns - round(stream.latency_s * 1e9)
        if instant_ns >= stamps[3]:
            asked.append(instant_ns)
            got.append(stream.at(int(instant_ns)))
    wanted = resample(stamps, values, np.array(asked))
    assert len(asked) > 100
    assert np.allclose([vector for vector, _ in got], wanted.vector, atol=1e-12)
    assert np.allclose([velocity for _, velocity in got], wanted.velocity, atol=1e-9)


def test_a_stream_that_ends_is_held_and_one_that_starts_again_forgets():
    stream = StreamResampler(1 / 30)
    for stamp_ns, value in zip(grid(30.0, 0.5), np.arange(15.0), strict=True):
        stream.push(int(stamp_ns), np.full(DIMENSIONS, value))
    vector, velocity = stream.at(START_NS + 10**10)
    assert vector[0] == 14.0
    assert not velocity.any()
    stream.start(5, np.ones(DIMENSIONS))
    assert stream.at(0)[0][0] == 1.0


def test_arguments_stay_as_they_are_and_bad_ones_are_refused():
    stamps, values = grid(30.0, 1.0), np.ones((30, DIMENSIONS))
    stamps.flags.writeable = values.flags.writeable = False
    resample(stamps, values, stamps)
    with pytest.raises(InputError, match="must increase"):
        resample(stamps[::-1], values, stamps)
    with pytest.raises(MismatchError, match=r"\[30, 34\] references do not fit to \[29\] stamps"):
        resample(stamps[1:], values, stamps)
    stream = StreamResampler(1 / 30)
    with pytest.raises(InputError, match="must be started"):
        stream.at(0)
    stream.push(5, values[0])
    with pytest.raises(InputError, match="in order: 5 ns after 5 ns"):
        stream.push(5, values[0])
