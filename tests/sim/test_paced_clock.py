"""A simulated clock beside a real one, both of them stepped by hand."""

import pytest
from fakes import SteppedClock

from hlm.core.errors import InputError
from hlm.sim.paced_clock import PacedClock

MS = 1_000_000


class BusyClock(SteppedClock):
    """A simulated clock that costs real time when it waits."""

    def __init__(self, real, cost_ns):
        super().__init__()
        self._real, self.cost_ns = real, cost_ns

    def wait_until(self, due_ns):
        super().wait_until(due_ns)
        self._real.wait_until(self._real.now_ns() + self.cost_ns)


def test_a_fast_machine_waits_for_real_time():
    real = SteppedClock()
    clock = PacedClock(SteppedClock(), real)
    start_ns = real.now_ns()
    for step in range(1, 4):
        clock.wait_until(33 * step * MS)
        assert clock.now_ns() == 33 * step * MS
        assert real.now_ns() - start_ns == 33 * step * MS
    assert clock.lost_s == 0.0


def test_half_the_speed_takes_twice_as_long():
    real = SteppedClock()
    start_ns = real.now_ns()
    PacedClock(SteppedClock(), real, speed=0.5).wait_until(100 * MS)
    assert real.now_ns() - start_ns == 200 * MS


def test_a_slow_machine_loses_time_and_does_not_hurry_afterwards():
    real = SteppedClock()
    simulated = BusyClock(real, 100 * MS)
    clock = PacedClock(simulated, real)
    clock.wait_until(33 * MS)
    assert clock.lost_s == pytest.approx(0.067)
    simulated.cost_ns = 0
    before_ns = real.now_ns()
    clock.wait_until(66 * MS)
    assert real.now_ns() - before_ns == 33 * MS


def test_a_world_that_begins_anew_is_not_waited_for():
    real, simulated = SteppedClock(), SteppedClock()
    clock = PacedClock(simulated, real)
    clock.wait_until(60_000 * MS)
    simulated._now_ns = 0
    before_ns = real.now_ns()
    clock.wait_until(33 * MS)
    assert real.now_ns() - before_ns == 33 * MS


def test_time_that_does_not_pass_is_refused():
    with pytest.raises(InputError, match="speed of a simulation must be positive, got 0"):
        PacedClock(SteppedClock(), SteppedClock(), speed=0.0)
