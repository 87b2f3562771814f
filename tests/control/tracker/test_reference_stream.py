import numpy as np
import pytest

from hlm.control.tracker.reference_stream import ReferenceStream
from hlm.core.clock import NS_PER_S, due_ns
from hlm.core.errors import InputError
from hlm.core.layout import DIMENSIONS
from hlm.core.values import Reference

RATE_HZ = 50.0
ORIGIN_NS = 7 * NS_PER_S


def line(stamp_ns: int) -> np.ndarray:
    """A stream whose entries name their instant and dimension."""
    return np.arange(DIMENSIONS) + (stamp_ns - ORIGIN_NS) / NS_PER_S * 10.0


def started() -> ReferenceStream:
    stream = ReferenceStream(RATE_HZ, ease_in_s=0.5)
    stream.start(ORIGIN_NS, line(ORIGIN_NS))
    return stream


def running() -> ReferenceStream:
    """A stream whose first reference was the start itself, so that there is nothing to ease."""
    stream = started()
    stream.push(Reference(ORIGIN_NS, line(ORIGIN_NS)))
    return stream


def slots(first: int, count: int) -> np.ndarray:
    return np.array([line(due_ns(ORIGIN_NS, slot, RATE_HZ)) for slot in range(first, first + count)]).reshape(
        count, DIMENSIONS
    )


@pytest.mark.parametrize("rate_hz", [23.0, 30.0, 50.0, 72.0, 120.0])
def test_a_straight_line_stays_one_at_any_rate(rate_hz: float) -> None:
    stream = started()
    new = [stream.push(Reference(stamp, line(stamp))) for stamp in (due_ns(ORIGIN_NS, k, rate_hz) for k in range(60))]
    found = np.concatenate(new)
    assert len(found) == int(59 / rate_hz * RATE_HZ + 1e-9)
    np.testing.assert_allclose(found, slots(1, len(found)), atol=1e-6)


@pytest.mark.parametrize(
    ("frequency_hz", "least", "most"), [(0.5, 0.998, 1.0), (1.0, 0.995, 0.998), (2.0, 0.984, 0.99)]
)
def test_a_sine_keeps_its_phase_and_loses_little_of_its_amplitude(frequency_hz, least, most) -> None:
    # Linear between references, so a little smaller; never late, and never larger.
    omega = 2 * np.pi * frequency_hz
    stream = ReferenceStream(RATE_HZ, ease_in_s=0.5)
    stream.start(ORIGIN_NS, np.zeros(DIMENSIONS))
    stamps = [due_ns(ORIGIN_NS, number, 30.0) for number in range(300)]
    sine = [np.full(DIMENSIONS, np.sin(omega * (stamp - ORIGIN_NS) / NS_PER_S)) for stamp in stamps]
    found = np.concatenate([stream.push(Reference(*pair)) for pair in zip(stamps, sine, strict=True)])[:, 0]
    time_s = (np.arange(len(found)) + 1) / RATE_HZ
    whole = slice(50, 450)
    basis = np.stack([np.sin(omega * time_s), np.cos(omega * time_s)], axis=1)[whole]
    in_phase, out_of_phase = np.linalg.lstsq(basis, found[whole], rcond=None)[0]
    assert least < in_phase < most
    assert abs(out_of_phase / omega) < 1e-4  # s


def test_irregular_stamps_are_resampled_by_time_not_by_index() -> None:
    random = np.random.default_rng(0)
    stamps = ORIGIN_NS + np.cumsum(random.integers(1_000_000, 90_000_000, size=40))
    stream = running()
    found = np.concatenate([stream.push(Reference(int(stamp), line(int(stamp)))) for stamp in stamps])
    np.testing.assert_allclose(found, slots(1, len(found)), atol=1e-6)


def test_the_first_reference_is_eased_into() -> None:
    stream = ReferenceStream(RATE_HZ, ease_in_s=0.5)
    stream.start(ORIGIN_NS, np.zeros(DIMENSIONS))
    new = [stream.push(Reference(ORIGIN_NS + k * 20_000_000, np.ones(DIMENSIONS))) for k in range(40)]
    found = np.concatenate(new)[:, 0]
    assert found[0] < 0.02
    assert np.all(np.diff(found) >= 0.0)
    assert np.diff(found).max() < 0.07
    assert found[-1] == 1.0


def test_a_stream_that_stops_is_held_and_goes_on() -> None:
    stream = running()
    stamp = ORIGIN_NS + 40_000_000
    stream.push(Reference(stamp, line(stamp)))
    held = stream.hold_until(stamp + 100_000_000)
    np.testing.assert_allclose(held, np.repeat(line(stamp)[None], 5, axis=0))
    later = stamp + 140_000_000
    np.testing.assert_allclose(stream.push(Reference(later, line(later)))[-1], line(later))
    assert len(stream.hold_until(stamp)) == 0


def test_bad_references_are_refused_and_leave_the_stream_as_it_was() -> None:
    with pytest.raises(InputError, match="is older than the tracker's start"):
        started().push(Reference(ORIGIN_NS - 1, line(ORIGIN_NS)))
    stream = running()
    stamp = ORIGIN_NS + 20_000_000
    bad = line(stamp)
    bad[3] = np.nan
    with pytest.raises(InputError, match="is not finite in left_elbow; it was refused"):
        stream.push(Reference(stamp, bad))
    np.testing.assert_allclose(stream.push(Reference(stamp, line(stamp))), slots(1, 1))
    with pytest.raises(InputError, match="is not newer than the last one"):
        stream.push(Reference(stamp, line(stamp)))
