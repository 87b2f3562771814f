"""What a client sees when the process of its server is killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

from hlm.policies.serving import peer
from hlm.policies.serving.client import PolicyClient
from hlm.policies.serving.errors import AnswerTimeoutError, UnreachableError
from hlm.runtime.background_policy import BackgroundPolicy
from hlm.runtime.chunks.asking import Status

# Stands still over observation 13.
PROGRAM = """
import asyncio, sys, threading
import numpy as np
from hlm.core.policy import PolicySpec
from hlm.core.values import ActionChunk
from hlm.core.listening import bind
from hlm.policies.serving.server import PolicyServer

class Policy:
    spec = PolicySpec(
        policy_type="still", embodiment="unitree_g1", rate_hz=30.0, cameras=("head", "right_wrist"),
        image_size=(8, 12), horizon=6, execution_horizon=3,
    )

    def reset(self, seed, chunks=0):
        pass

    def chunk(self, observation, prefix=None):
        if observation.state[-1] == 13.0:
            threading.Event().wait()
        return ActionChunk(observation.stamp_ns, 30.0, np.tile(observation.state, (6, 1)))

async def main(port):
    async with PolicyServer(Policy(), bind("127.0.0.1", port)) as server:
        print(server.url, flush=True)
        await asyncio.Event().wait()

asyncio.run(main(int(sys.argv[1])))
"""


@contextmanager
def process(port=0):
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(port)], stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running, running.stdout.readline().strip()
        finally:
            running.kill()


def port_of(url):
    return int(url.rpartition(":")[2])


def test_killed_server_is_a_typed_error_and_its_successor_is_found(connect, observe):
    with process() as (running, url):
        client = connect(url, timeout_s=1000.0)
        assert client.chunk(observe(1)).actions[0, -1] == 1.0
        killer = threading.Timer(0.3, lambda: os.kill(running.pid, signal.SIGKILL))
        killer.start()
        with pytest.raises(UnreachableError, match="was lost: its process or the network ended without a word"):
            client.chunk(observe(13))
    with process(port_of(url)):
        assert client.chunk(observe(2)).actions[0, -1] == 2.0


def test_frozen_server_is_a_typed_error_and_answers_again_when_it_thaws(connect, observe):
    """A stopped process keeps its connections: nothing but the deadline tells."""
    with process() as (running, url):
        client = connect(url, timeout_s=10.0)
        client.chunk(observe(1))
        client._timeout_s = 0.3
        running.send_signal(signal.SIGSTOP)
        with pytest.raises(AnswerTimeoutError):
            client.chunk(observe(2))
        with pytest.raises(UnreachableError, match="it sends nothing"):
            client.chunk(observe(3))
        running.send_signal(signal.SIGCONT)
        client._timeout_s = 10.0
        assert client.chunk(observe(4, stamp_ns=4)).actions[0, -1] == 4.0


@pytest.fixture
def hasty(monkeypatch):
    """Signs of life are wanted sooner."""
    monkeypatch.setattr(peer, "QUIET_S", 0.05)
    monkeypatch.setattr(peer, "DEAD_S", 0.5)


def test_server_that_freezes_over_a_request_is_noticed_long_before_the_deadline(connect, observe, hasty):
    with process() as (running, url):
        client = connect(url, timeout_s=1000.0, connect_timeout_s=0.5)
        freezer = threading.Timer(0.3, lambda: running.send_signal(signal.SIGSTOP))
        freezer.start()
        with pytest.raises(UnreachableError, match=r"was lost: no sign of life for 0\.5 s"):
            client.chunk(observe(13))
        with pytest.raises(UnreachableError, match=r"within 0\.5 s: it sends nothing"):
            client.chunk(observe(2))


def test_killed_server_is_missed_at_the_next_request_long_before_the_deadline(connect, observe):
    with process() as (running, url):
        client = connect(url, timeout_s=1000.0, connect_timeout_s=0.5)
        client.chunk(observe(1))
        running.kill()
        running.wait()
        for _ in range(2):
            with pytest.raises(UnreachableError, match=r"was lost|within 0\.5 s: connection refused"):
                client.chunk(observe(2))


def test_server_that_computes_is_not_taken_for_dead(
    serve, policy, connect, observe, answer_to, held, hasty, monkeypatch
):
    """Even if it computes for many times as long as a sign of life may take."""
    monkeypatch.setattr(peer, "DEAD_S", 0.2)
    client = connect(serve(policy).url, timeout_s=1000.0)
    with held(policy):
        opener = threading.Timer(1.5, policy.gate.set)
        opener.start()
        chunk = client.chunk(observe(7))
    assert np.array_equal(chunk.actions, answer_to(observe(7)))


def test_control_loop_sees_the_kill_as_a_status(observe):
    with (
        process() as (running, url),
        PolicyClient(url, timeout_s=10.0) as client,
        BackgroundPolicy(client) as background,
    ):
        background.request(observe(13))
        threading.Event().wait(0.2)
        assert background.poll().status is Status.WAITING
        running.kill()
        end = time.monotonic() + 5.0
        while (poll := background.poll()).status is Status.WAITING:
            assert time.monotonic() < end
            threading.Event().wait(0.005)
        assert poll.status is Status.FAILED
        assert "was lost" in poll.error
