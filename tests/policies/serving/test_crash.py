"""What a client sees when the process of its server is killed."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from hlm.policies.serving.client import PolicyClient
from hlm.policies.serving.errors import AnswerTimeoutError, UnreachableError
from hlm.runtime.background_policy import BackgroundPolicy, Status

# Stands still over observation 13.
PROGRAM = """
import asyncio, sys, threading
import numpy as np
from hlm.core.policy import PolicySpec
from hlm.core.values import ActionChunk
from hlm.policies.serving.address import bind
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
        client = connect(url, timeout_s=10.0)
        assert client.chunk(observe(1)).actions[0, -1] == 1.0
        killer = threading.Timer(0.3, lambda: os.kill(running.pid, signal.SIGKILL))
        killer.start()
        begin = time.monotonic()
        with pytest.raises(UnreachableError, match="was lost"):
            client.chunk(observe(13))
        assert time.monotonic() - begin < 5.0
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
