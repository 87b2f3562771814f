"""A body in real time with fakes; tests/conformance runs all laws of bodies on it."""

import os
import signal
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from fakes_realtime import QUICK, Commands, StiffTracker, Strings, fake_robot, refuse

from hlm.core.body import BodyState, BodyStatus
from hlm.core.clock import NS_PER_S, MonotonicClock, ticks
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.proprioception import measured_state
from hlm.core.values import Reference
from hlm.runtime.bodies.body_process import BodyProcessConfig
from hlm.runtime.bodies.guard_process import GuardConfig
from hlm.runtime.bodies.process_body import RealtimeBodyConfig
from hlm.runtime.bodies.realtime import RealtimeBody

CLOCK = MonotonicClock()
CONFIG = RealtimeBodyConfig(process=BodyProcessConfig(safety=QUICK))


def wait_for(condition, timeout_s=20.0):
    until_ns = CLOCK.now_ns() + round(timeout_s * NS_PER_S)
    while not condition():
        assert CLOCK.now_ns() < until_ns
        CLOCK.wait_until(CLOCK.now_ns() + 1_000_000)


def follow(body, steps):
    """Push the measured pose for some steps."""
    vector = measured_state(body.read(), None)[0]
    for tick, _ in zip(ticks(CLOCK, 30.0), range(steps), strict=False):
        body.push(Reference(tick.due_ns, vector))


@pytest.fixture
def strings():
    return Strings.make()


@pytest.fixture
def body(strings):
    return RealtimeBody(partial(fake_robot, strings), StiffTracker, UNITREE_G1, CONFIG)


def braking(strings):
    last = Commands(strings.commands)[-1]
    return not (last.torque_nm.any() or last.kp_nm_rad.any())


def test_a_session_from_start_to_rest(body, strings):
    assert body.report is None
    with body:
        wait_for(lambda: body.report is not None)
        assert body.status == BodyStatus(BodyState.DISARMED, "the body was not reset yet")
        assert strings.commands.written == 0  # nothing moves before somebody arms
        body.reset()
        assert body.status.tracking
        body.reports()
        follow(body, 10)
        wait_for(lambda: body.report.references == 10)
        reports = body.reports()
        slots = [report.slot for report in reports]
        assert slots == sorted(set(slots))
        assert {report.due_ns - 10_000_000 * report.slot for report in reports} == {
            reports[0].due_ns - 10_000_000 * reports[0].slot  # an absolute grid
        }
        assert not braking(strings)
        assert body.report.lost == 0
        pids = body.pids
    assert braking(strings)
    assert body.status == BodyStatus(BodyState.DAMPING, "the session has ended")
    assert not any(_exists(pid) for pid in pids)


def test_the_operators_stop_counts_when_it_is_pressed(body, strings):
    press, let_go = ConnectionError("press Select on the remote"), ConnectionError("press ")
    with body:
        body.reset()
        strings.break_robot(press)
        wait_for(lambda: body.status.state is BodyState.DAMPING)
        assert "the operator pressed Select on the remote" in body.status.fault
        body.reset()  # held down while arming
        wait_for(lambda: not body.status.tracking)
        strings.break_robot(let_go)
        wait_for(lambda: body.status.braking)
        body.reset()
        follow(body, 10)
        assert body.status.tracking


def test_a_body_that_is_killed_is_braked_by_its_guard(body, strings):
    with body:
        body.reset()
        follow(body, 3)
        assert not braking(strings)
        os.kill(body.pids[0], signal.SIGKILL)
        wait_for(lambda: braking(strings))
        wait_for(lambda: not body.status.tracking)
        assert body.status.state is BodyState.FAULT
        assert "body process was killed by SIGKILL; the guard brakes" in body.status.fault
        written = strings.commands.written
        wait_for(lambda: strings.commands.written > written + 5)  # again and again
        body.push(Reference(CLOCK.now_ns(), np.zeros(34)))
        body.reset()
        assert body.status.state is BodyState.FAULT
        pids = body.pids
    assert not any(_exists(pid) for pid in pids)


def test_a_body_that_hangs_is_ended_and_braked(strings):
    config = replace(CONFIG, guard=GuardConfig(hang_s=0.3))
    with RealtimeBody(partial(fake_robot, strings), StiffTracker, UNITREE_G1, config) as body:
        body.reset()
        follow(body, 3)
        os.kill(body.pids[0], signal.SIGSTOP)
        wait_for(lambda: braking(strings))
        wait_for(lambda: "killed by SIGKILL" in body.status.fault)


def test_without_its_guard_a_body_takes_no_references_any_more(body, strings):
    with body:
        body.reset()
        follow(body, 3)
        os.kill(body.pids[1], signal.SIGKILL)
        wait_for(lambda: follow(body, 1) or body.status.state is BodyState.HOLDING)
        assert "the guard process was killed by SIGKILL" in body.status.fault
    assert braking(strings)


def test_a_body_that_is_gone_with_its_guard_says_that_nothing_brakes(body):
    with body:
        body.reset()
        for pid in reversed(body.pids):
            os.kill(pid, signal.SIGKILL)
        # Two processes that are killed need not be gone at the same instant.
        wait_for(lambda: body.status.fault.endswith("nothing brakes the robot: press its emergency stop"))
        assert body.status.braking


def test_sigterm_lets_a_body_come_to_rest(body, strings):
    with body:
        body.reset()
        follow(body, 3)
        os.kill(body.pids[0], signal.SIGTERM)
        wait_for(lambda: body.status.state is BodyState.HOLDING)
        assert not braking(strings)
        wait_for(lambda: body.status.braking)
        assert body.status.fault == "the body was told to end"
        assert braking(strings)


def test_a_robot_that_cannot_be_had_is_told_by_who_enters():
    with pytest.raises(InputError, match="there is no robot"):
        RealtimeBody(refuse, StiffTracker, UNITREE_G1, CONFIG).__enter__()


def _exists(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
