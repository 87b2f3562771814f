import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from fakes import POLICY_SPEC
from fakes_policy_process import (
    ANOTHER_TIME,
    BREAKS,
    DIES,
    HANGS,
    NOT_FINITE,
    REFUSES,
    SHAPELESS,
    TOO_LONG,
    open_none,
    open_strange,
)

from hlm.core.clock import MonotonicClock
from hlm.core.errors import InputError, MismatchError
from hlm.core.layout import DIMENSIONS
from hlm.core.policy import ActionPrefix
from hlm.core.values import CameraFrame, Observation
from hlm.runtime.chunks.asking import Poll, Status
from hlm.runtime.policy_process import PolicyProcess
from hlm.runtime.policy_records import request_dtype, request_from_record, request_to_record

PATIENCE_S = 30.0
IMAGES = dict.fromkeys(POLICY_SPEC.cameras, (8, 12))


def process(spec=POLICY_SPEC, make=open_strange):
    return PolicyProcess(make, spec, IMAGES, "lift the cup")


@pytest.fixture(scope="module")
def shared():
    """A process for all tests that leave it alive."""
    with process() as running:
        yield running


@pytest.fixture
def policy(shared):
    shared.reset(seed=7)
    return shared


def observe(number, cameras=POLICY_SPEC.cameras, size=(8, 12), instruction="lift the cup"):
    stamp_ns = MonotonicClock().now_ns()
    frames = {name: CameraFrame(stamp_ns, np.full((*size, 3), 9, np.uint8)) for name in cameras}
    return Observation(stamp_ns, np.full(DIMENSIONS, float(number)), frames, instruction)


def settled(policy, until=lambda poll: poll.status is not Status.WAITING):
    end = time.monotonic() + PATIENCE_S
    while not until(poll := policy.poll()):
        assert time.monotonic() < end, poll
        threading.Event().wait(0.002)
    return poll


def test_requests_come_back_from_their_records():
    dtype = request_dtype(IMAGES, 6)
    prefix = ActionPrefix(np.arange(3.0 * DIMENSIONS).reshape(3, DIMENSIONS), 1, 2)
    for asked, continued in (
        (observe(3), prefix),
        (observe(4, cameras=("head",), instruction="tasse, bitte ☕"), None),
    ):
        found, rest = request_from_record(request_to_record(dtype, asked, continued))
        assert (found.stamp_ns, found.instruction) == (asked.stamp_ns, asked.instruction)
        np.testing.assert_array_equal(found.state, asked.state)
        assert found.frames.keys() == asked.frames.keys()
        for name, frame in asked.frames.items():
            assert found.frames[name].stamp_ns == frame.stamp_ns
            np.testing.assert_array_equal(found.frames[name].image, frame.image)
        assert (rest is None) == (continued is None)
    np.testing.assert_array_equal(
        request_from_record(request_to_record(dtype, observe(1), prefix))[1].actions, prefix.actions
    )


def test_a_chunk_comes_without_anybody_waiting(policy):
    assert policy.poll() == Poll()
    asked = observe(4)
    policy.request(asked)
    poll = settled(policy)
    np.testing.assert_array_equal(poll.chunk.actions[:, 0], 4.0 + np.arange(6))
    assert (poll.chunk.stamp_ns, poll.chunk.rate_hz) == (asked.stamp_ns, 30.0)
    assert (poll.status, poll.error) == (Status.IDLE, "")
    assert 0.0 < poll.latency_s <= poll.age_s
    assert policy.poll().chunk is poll.chunk
    assert policy.waited_s() == 0.0


def test_each_episode_starts_the_noise_anew_and_warming_up_takes_none_of_it(policy):
    for seed in (5, 6):
        policy.reset(seed)
        for chunks in range(2):
            policy.request(observe(1))
            assert settled(policy).chunk.actions[0, -1] == 1000 * seed + chunks


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (REFUSES, "no such word."),
        (BREAKS, "ValueError: a bug"),
        (NOT_FINITE, "the policy answered with actions that are not finite."),
        (TOO_LONG, "the policy answered 12 actions, and its chunks have 6."),
        (ANOTHER_TIME, "the policy answered for .* ns, and was asked for .* ns."),
        (SHAPELESS, "actions must have shape"),
    ],
)
def test_what_is_no_chunk_is_a_status_and_the_last_chunk_stays(policy, what, text):
    policy.request(observe(1))
    first = settled(policy).chunk
    policy.request(observe(what))
    poll = settled(policy)
    assert poll.status is Status.FAILED
    with pytest.raises(MismatchError, match=text):
        raise MismatchError(poll.error)
    assert poll.chunk is first
    policy.request(observe(2))
    assert settled(policy).chunk.actions[0, 0] == 2.0


def test_what_cannot_be_asked_is_a_status(policy):
    for observation, text in (
        (observe(1, cameras=("head", "tail")), "camera 'tail' is not one"),
        (observe(1, size=(12, 8)), "camera 'head' gives 12 x 8 px; the policy was opened for 8 x 12"),
        (observe(1, instruction="cup" * 2000), "an instruction may have 4096 bytes, this one has 6000"),
    ):
        policy.request(observation)
        poll = policy.poll()
        assert poll.status is Status.FAILED
        assert text in poll.error


def test_the_answer_of_the_last_episode_is_not_delivered(policy):
    policy.request(observe(3))
    policy.reset(seed=1)
    policy.request(observe(5))
    assert settled(policy, lambda poll: poll.chunk is not None).chunk.actions[0, 0] == 5.0


def test_a_policy_that_cannot_be_had_says_why_before_it_is_asked():
    with pytest.raises(InputError, match="there is no such policy"), process(make=open_none):
        pass
    with (
        pytest.raises(MismatchError, match="its horizon was 6 and is 9"),
        process(make=partial(open_strange, horizon=9)),
    ):
        pass


def test_a_policy_that_hangs_is_waited_for_by_nobody_and_ended():
    with process() as policy:
        policy.request(observe(HANGS))
        policy.request(observe(2))
        assert policy.poll().status is Status.WAITING
        assert policy.waited_s() > 0.0
        for _ in range(2000):  # more than any pipe takes
            policy.request(observe(2))
        pid = policy.pid
    assert policy.poll().status is Status.FAILED
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_policy_that_is_killed_is_a_status():
    with process() as policy:
        policy.request(observe(DIES))
        poll = settled(policy)
        assert (poll.status, poll.error) == (Status.FAILED, "the policy process was killed by SIGKILL.")
        policy.request(observe(1))
        assert policy.poll().error == "the policy process was killed by SIGKILL."


def test_a_policy_that_is_killed_between_two_requests_is_a_status():
    with process() as policy:
        os.kill(policy.pid, signal.SIGKILL)
        end = time.monotonic() + PATIENCE_S
        while policy._child.alive:
            assert time.monotonic() < end
        assert policy.poll().status is Status.FAILED


def test_a_policy_that_hangs_dies_with_whoever_asked_it():
    program = "from fakes_policy_process import hang_until_killed as job\nif __name__ == '__main__':\n    job()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment)
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    end = time.monotonic() + PATIENCE_S
    while Path(f"/proc/{pid}").exists() and " Z " not in Path(f"/proc/{pid}/stat").read_text():
        assert time.monotonic() < end
        threading.Event().wait(0.01)
