"""A body on SONIC's wire, with real processes and sockets: what happens when it is not there, dies, or is not heard."""

import os
import signal
from multiprocessing import Pipe, get_context
from pathlib import Path

import numpy as np
import pytest
import zmq
from fakes_sonic import SonicEmulator, free_addresses, sonic_body, stand_on_sonic

from hlm.core.body import BodyState
from hlm.core.clock import NS_PER_S, MonotonicClock
from hlm.core.errors import HlmError
from hlm.core.proprioception import measured_state
from hlm.core.values import Reference

pytestmark = pytest.mark.slow

CLOCK = MonotonicClock()


@pytest.fixture
def addresses():
    return free_addresses()


@pytest.fixture
def sonic(addresses):
    with SonicEmulator(*addresses) as emulator:
        yield emulator


def wait_for(condition, timeout_s=40.0):
    until_ns = CLOCK.now_ns() + round(timeout_s * NS_PER_S)
    while not condition():
        assert CLOCK.now_ns() < until_ns
        CLOCK.wait_until(CLOCK.now_ns() + 5_000_000)


def test_without_sonic_it_says_what_to_start(addresses):
    body = sonic_body(*addresses, timeout_s=0.3)
    with pytest.raises(HlmError, match=r"no measurement from SONIC at .* within 0.3 s. Start its deploy program"), body:
        pass


def test_a_port_in_use_is_told(addresses, sonic):
    with zmq.Context.instance().socket(zmq.PUB) as other:
        other.bind(addresses[0])
        body = sonic_body(*addresses)
        with pytest.raises(HlmError, match=r"references cannot be published at .*: Address already in use"), body:
            pass
    assert not sonic.heard_ns


@pytest.mark.parametrize(("lost", "state"), [(1, BodyState.RUNNING), (3, BodyState.HOLDING)])
def test_messages_that_are_lost_hold_it_only_when_sonic_starts_its_heading_again(addresses, sonic, lost, state):
    with sonic_body(*addresses) as body:
        body.reset()
        vector = measured_state(body.read(), None)[0]
        for step in range(90):
            body.push(Reference(CLOCK.now_ns(), vector))
            body.advance(CLOCK.now_ns() + 33_000_000)
            if step == 60:
                sonic.lose = lost
        assert body.status.state is state
        assert ("SONIC has started its heading again" in body.status.fault) == (lost > 1)
        assert sonic.window.resets == 1 + (lost > 1)


class Session:
    """A deployment in another process that stands on SONIC."""

    def __init__(self, addresses):
        self.line, far_end = Pipe()
        self.main = get_context("spawn").Process(target=stand_on_sonic, args=(far_end, *addresses))
        self.main.start()
        far_end.close()
        assert self.line.poll(120.0)
        self.pids = {**self.line.recv(), "main": self.main.pid}

    def kill(self, *names):
        for name in names:
            os.kill(self.pids[name], signal.SIGKILL)

    def gone(self):
        self.main.join(0.0)
        return not any(Path(f"/proc/{pid}").exists() for pid in self.pids.values())


@pytest.mark.parametrize("killed", [("main",), ("body",), ("guard",), ("main", "body")])
def test_whatever_is_killed_the_stream_goes_on_into_a_crouch_and_a_stop(addresses, sonic, killed):
    session = Session(addresses)
    assert not sonic.stopped
    session.kill(*killed)
    wait_for(lambda: sonic.stopped)
    assert sonic.window.resets == 1  # its heading never started again
    assert np.all(np.diff(sonic.window.indices) == 1)
    knees = np.array([row[2][3] for row in sonic.tracked])
    assert knees[-1] > 1.2
    assert np.abs(np.diff(knees)).max() < 0.1
    wait_for(session.gone)
