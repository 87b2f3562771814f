from itertools import islice

from fakes import SteppedClock
from hypothesis import given
from hypothesis import strategies as st

from hlm.core.clock import MonotonicClock, Tick, due_ns, slot_at, ticks

rates_hz = st.sampled_from([1.0, 29.97, 30.0, 50.0, 100.0, 125.0, 500.0])


@given(rates_hz, st.lists(st.integers(0, 200_000_000), min_size=1, max_size=30), st.integers(0, 10**15))
def test_the_grid_never_shifts_however_late_the_body_is(rate_hz, delays_ns, start_ns):
    clock = SteppedClock(start_ns)
    seen = []
    for tick, delay_ns in zip(ticks(clock, rate_hz), delays_ns, strict=False):
        assert tick.due_ns == due_ns(start_ns, tick.index, rate_hz) <= clock.now_ns()
        assert clock.now_ns() < due_ns(start_ns, tick.index + 1, rate_hz)
        seen.append(tick)
        clock.wait_until(clock.now_ns() + delay_ns)
    numbers = [tick.index for tick in seen]
    assert numbers == sorted(set(numbers))
    assert sum(tick.skipped for tick in seen) + len(seen) == numbers[-1] + 1


def test_a_body_in_time_gets_every_slot():
    clock = SteppedClock()
    for index, tick in enumerate(islice(ticks(clock, 30.0), 300)):
        assert tick == Tick(index, round(index * 1e9 / 30), 0)
        assert clock.now_ns() == tick.due_ns
        clock.wait_until(clock.now_ns() + 30_000_000)


def test_a_late_body_skips_slots_and_is_told():
    clock = SteppedClock()
    grid = ticks(clock, 10.0)
    assert next(grid) == Tick(0, 0, 0)
    clock.wait_until(350_000_000)
    assert next(grid) == Tick(3, 300_000_000, 2)
    assert clock.now_ns() == 350_000_000
    assert next(grid) == Tick(4, 400_000_000, 0)


def test_a_slot_that_is_less_than_one_late_is_not_lost():
    clock = SteppedClock()
    grid = ticks(clock, 10.0)
    next(grid)
    clock.wait_until(150_000_000)
    assert next(grid) == Tick(1, 100_000_000, 0)


def test_a_grid_may_start_later_or_earlier_than_now():
    clock = SteppedClock(1_000)
    assert next(ticks(clock, 10.0, start_ns=5_000)) == Tick(0, 5_000, 0)
    assert clock.now_ns() == 5_000
    assert next(ticks(clock, 10.0, start_ns=5_000 - 200_000_000)) == Tick(2, 5_000, 2)


@given(rates_hz, st.integers(-5, 10**7), st.integers(-(10**9), 10**15))
def test_a_slot_is_the_newest_from_its_instant_until_the_next(rate_hz, index, start_ns):
    instant_ns = due_ns(start_ns, index, rate_hz)
    assert slot_at(start_ns, instant_ns, rate_hz) == max(-1, index)
    assert slot_at(start_ns, instant_ns - 1, rate_hz) == max(-1, index - 1)


def test_slots_do_not_drift_in_a_day():
    assert due_ns(0, 30 * 86_400, 30.0) == 86_400 * 10**9


def test_a_stepped_clock_never_goes_back():
    clock = SteppedClock(10)
    clock.wait_until(5)
    assert clock.now_ns() == 10
    clock.wait_until(20)
    assert clock.now_ns() == 20


def test_the_machines_clock_waits_and_never_returns_early():
    clock = MonotonicClock()
    start_ns = clock.now_ns()
    clock.wait_until(start_ns - 1)
    clock.wait_until(start_ns + 2_000_000)
    assert clock.now_ns() >= start_ns + 2_000_000
