"""Devices whose samples and delays are known, watched."""

import numpy as np
import pytest
from fakes import SteppedClock

from hlm.control.body_command import BodyCommand
from hlm.core.clock import NS_PER_S
from hlm.core.errors import InputError
from hlm.teleop.devices.device import DeviceSample
from hlm.teleop.devices.device_check import device_figures, watched

MS = 1_000_000


class FakeDevice:
    """Captures every `period_ns`, and shows each sample `delay_ns` later; silent in between two instants."""

    def __init__(self, clock, period_ns, delay_ns, silent_ns=(0, 0)):
        self.clock, self.period_ns, self.delay_ns, self.silent_ns = clock, period_ns, delay_ns, silent_ns

    def read(self):
        newest = (self.clock.now_ns() - self.delay_ns) // self.period_ns * self.period_ns
        if self.silent_ns[0] <= newest < self.silent_ns[1]:
            newest = (self.silent_ns[0] - 1) // self.period_ns * self.period_ns
        return DeviceSample(stamp_ns=newest, motion=BodyCommand())


def test_a_steady_device_is_measured_as_it_is():
    clock = SteppedClock(NS_PER_S)
    figures = watched(FakeDevice(clock, 20 * MS, 5 * MS), clock, 2.0)
    assert figures.samples in (99, 100)
    assert figures.rate_hz == pytest.approx(50.0)
    assert figures.jitter_s == pytest.approx(0.0)
    assert figures.latency_s == pytest.approx(0.005, abs=0.001)
    assert figures.drop_outs == 0
    assert figures.longest_gap_s < 0.03


def test_a_drop_out_is_counted_and_its_length_told():
    clock = SteppedClock(NS_PER_S)
    silent = (NS_PER_S + 500 * MS, NS_PER_S + 900 * MS)
    figures = watched(FakeDevice(clock, 20 * MS, 0, silent), clock, 2.0)
    assert figures.drop_outs == 1
    assert figures.longest_gap_s == pytest.approx(0.42, abs=0.002)


def test_what_was_there_before_the_watch_is_no_sample():
    clock = SteppedClock(NS_PER_S)
    figures = watched(FakeDevice(clock, 3600 * NS_PER_S, 0), clock, 1.0)
    assert figures.samples == 0
    assert figures.rate_hz == 0.0
    assert figures.longest_gap_s == pytest.approx(1.0, abs=0.002)


def test_jitter_is_half_of_the_range_of_nine_tenths_of_the_intervals():
    intervals_ns = np.tile([10, 30], 100) * MS
    stamp_ns = np.cumsum(intervals_ns)
    figures = device_figures(stamp_ns, stamp_ns + MS, 0, int(stamp_ns[-1]))
    assert figures.jitter_s == pytest.approx(0.01)
    assert figures.latency_s == pytest.approx(0.001)


def test_no_time_is_refused():
    with pytest.raises(InputError, match="longer than 0 s, not 0"):
        watched(FakeDevice(SteppedClock(), MS, 0), SteppedClock(), 0.0)


def test_a_device_that_answers_when_it_is_asked_has_no_rate_of_its_own():
    clock = SteppedClock(NS_PER_S)
    assert watched(FakeDevice(clock, 1, 0), clock, 0.1).answers
    assert not watched(FakeDevice(clock, 20 * MS, 5 * MS), clock, 0.1).answers
