import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
from fakes import FakePolicy, SteppedClock

from hlm.core.errors import InputError
from hlm.core.layout import DIMENSIONS
from hlm.core.policy import ActionPrefix
from hlm.core.values import CameraFrame, Observation
from hlm.runtime.background_policy import BackgroundPolicy
from hlm.runtime.chunks.asking import Poll, Status

PATIENCE_S = 10.0


@pytest.fixture
def clock():
    return SteppedClock()


@pytest.fixture
def policy():
    return FakePolicy()


@contextmanager
def held(policy):
    """Holds back a policy's chunks: what is requested in here does not come before it ends."""
    policy.entered.clear()
    policy.gate.clear()
    try:
        yield
    finally:
        policy.gate.set()


def observe(number=0, stamp_ns=0):
    """An observation that is told from others by its number."""
    image = np.full((8, 12, 3), 1 + number % 255, np.uint8)
    frames = {name: CameraFrame(stamp_ns, image) for name in ("head", "right_wrist")}
    return Observation(stamp_ns, np.full(DIMENSIONS, float(number)), frames, "lift the cup")


@pytest.fixture
def background(policy, clock):
    with BackgroundPolicy(policy, clock) as running:
        yield running
        policy.gate.set()


def settled(background):
    """How things stand when nothing is on its way."""
    end = time.monotonic() + PATIENCE_S
    while (poll := background.poll()).status is Status.WAITING:
        assert time.monotonic() < end
        threading.Event().wait(0.001)
    return poll


def test_nothing_was_asked(background):
    assert background.poll() == Poll()


def test_chunk_comes_in_the_background(background, policy, clock):
    with held(policy):
        background.request(observe(4, stamp_ns=1_000_000_000))
        assert background.poll().status is Status.WAITING
        assert background.poll().chunk is None
    clock.wait_until(1_500_000_000)
    poll = settled(background)
    assert (poll.chunk.actions[0] == 4.0).all()
    assert poll.age_s == 0.5
    assert poll.latency_s > 0.0
    assert (poll.status, poll.error) == (Status.IDLE, "")
    assert background.poll().chunk is poll.chunk


def test_newest_request_wins(background, policy):
    with held(policy):
        background.request(observe(1))
        assert policy.entered.wait(PATIENCE_S)
        for number in (2, 3, 4):
            background.request(observe(number))
    assert settled(background).chunk.actions[0, 0] == 4.0
    assert [observation.state[0] for observation, _ in policy.calls] == [1.0, 4.0]


def test_failure_is_a_status_and_the_last_chunk_stays(background, policy):
    background.request(observe(1))
    first = settled(background).chunk
    for error, text in ((InputError("no such word"), "no such word"), (ValueError("a bug"), "ValueError: a bug")):
        policy.error = error
        background.request(observe(2))
        poll = settled(background)
        assert (poll.status, poll.error) == (Status.FAILED, text)
        assert poll.chunk is first
    policy.error = None
    background.request(observe(3))
    poll = settled(background)
    assert (poll.status, poll.error) == (Status.IDLE, "")
    assert poll.chunk.actions[0, 0] == 3.0


def test_answer_of_the_last_episode_is_not_delivered(background, policy):
    with held(policy):
        background.request(observe(1))
        assert policy.entered.wait(PATIENCE_S)
        background.request(observe(2))
        background.reset()
    assert settled(background) == Poll()
    background.request(observe(3))
    assert settled(background).chunk.actions[0, 0] == 3.0
    assert [observation.state[0] for observation, _ in policy.calls] == [1.0, 3.0]


def test_prefix_is_handed_on():
    policy, prefix = FakePolicy(continues_chunks=True), ActionPrefix(np.ones((3, DIMENSIONS)), 1, 2)
    with BackgroundPolicy(policy) as background:
        background.request(observe(), prefix)
        settled(background)
    assert policy.calls[0][1] is prefix


def test_closing_does_not_wait_for_a_policy_that_hangs(policy):
    policy.gate.clear()
    background = BackgroundPolicy(policy)
    background.request(observe())
    background.close(timeout_s=0.1)  # would wait for ever
    policy.gate.set()


def must_be_refused(poll):
    assert poll.status is Status.FAILED
    assert "was closed; make a new one" in poll.error


def test_closed_one_asks_no_more_and_says_so(policy):
    background = BackgroundPolicy(policy)
    background.request(observe(1))
    settled(background)
    background.close()
    assert background.poll().status is Status.IDLE
    background.request(observe(2))
    must_be_refused(background.poll())
    assert background.poll().chunk.actions[0, 0] == 1.0
    background.close()
    must_be_refused(background.poll())
    assert len(policy.calls) == 1


def test_closing_fails_a_request_that_has_not_left_and_not_the_one_that_arrives(policy):
    background = BackgroundPolicy(policy)
    with held(policy):
        background.request(observe(1))
        assert policy.entered.wait(PATIENCE_S)
        background.request(observe(2))
        closing = threading.Thread(target=background.close, kwargs={"timeout_s": PATIENCE_S})
        closing.start()
        must_be_refused(settled(background))
    closing.join(PATIENCE_S)
    must_be_refused(background.poll())
    assert background.poll().chunk.actions[0, 0] == 1.0
    assert [observation.state[0] for observation, _ in policy.calls] == [1.0]


def test_closing_fails_a_request_that_hangs(policy):
    background = BackgroundPolicy(policy)
    with held(policy):
        background.request(observe(1))
        assert policy.entered.wait(PATIENCE_S)
        background.close(timeout_s=0.0)
        must_be_refused(background.poll())
        background.request(observe(2))
        must_be_refused(background.poll())
    background._thread.join(PATIENCE_S)
    must_be_refused(background.poll())
