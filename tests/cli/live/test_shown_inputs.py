"""The page shows how old each input is, and how often something new comes from it."""

import math
from types import SimpleNamespace

import pytest
from fakes import SteppedClock

from hlm.cli.live.shown_inputs import ShownInputs
from hlm.core.clock import due_ns

DEVICE = SimpleNamespace(name="pad")


def step(stamp_ns, **age_s):
    return SimpleNamespace(observation=SimpleNamespace(stamp_ns=stamp_ns), age_s=age_s)


def person(age_s):
    return SimpleNamespace(age_s=age_s)


def test_a_device_that_never_spoke_has_neither_age_nor_rate():
    (pad,) = ShownInputs(SteppedClock()).ages(person(math.inf), DEVICE, None)
    assert (pad.name, pad.age_s, pad.rate_hz) == ("pad", None, None)


def test_rates_are_of_what_is_new_and_a_silent_input_has_none():
    clock = SteppedClock()
    shown = ShownInputs(clock)
    for index in range(1, 91):
        now_ns = due_ns(0, index, 30.0)
        clock.wait_until(now_ns)
        # New pictures come every second step, and the device falls silent after a second.
        last_s = min(now_ns / 1e9, 1.0)
        seen = step(now_ns, head=0.01 if index % 2 == 0 else 0.01 + 1 / 30, state=0.0)
        pad, head, state = shown.ages(person(now_ns / 1e9 - last_s), DEVICE, seen)
    assert head.rate_hz == pytest.approx(15.0, abs=0.1)
    assert state.rate_hz == pytest.approx(30.0, abs=0.1)
    assert (pad.age_s, pad.rate_hz) == (pytest.approx(2.0), None)


def test_a_simulation_that_begins_anew_is_counted_anew():
    shown = ShownInputs(SteppedClock())
    for first in (0, 1):
        rates = [shown.ages(person(0.0), DEVICE, step(due_ns(0, index, 30.0), head=0.0)) for index in range(30)]
        assert rates[-1][1].rate_hz == pytest.approx(30.0, abs=0.1), first
