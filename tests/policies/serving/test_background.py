import threading
import time

import numpy as np
import pytest

from hlm.core.clock import SteppedClock
from hlm.core.errors import InputError
from hlm.core.layout import DIMENSIONS
from hlm.core.policy import ActionPrefix
from hlm.runtime.background_policy import BackgroundPolicy, Poll, Status

PATIENCE_S = 10.0


@pytest.fixture
def clock():
    return SteppedClock()


@pytest.fixture
def background(policy, clock):
    policy.calls = [None] * 3  # there was no warm-up, which is left out of what was asked
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


def test_chunk_comes_in_the_background(background, policy, clock, observe, answer_to, held):
    with held(policy):
        background.request(observe(4, stamp_ns=1_000_000_000))
        assert background.poll().status is Status.WAITING
        assert background.poll().chunk is None
    clock.wait_until(1_500_000_000)
    poll = settled(background)
    assert np.array_equal(poll.chunk.actions, answer_to(observe(4)))
    assert poll.age_s == 0.5
    assert poll.latency_s > 0.0
    assert (poll.status, poll.error) == (Status.IDLE, "")
    assert background.poll().chunk is poll.chunk


def test_newest_request_wins(background, policy, observe, held):
    with held(policy):
        background.request(observe(1))
        assert policy.entered.wait(PATIENCE_S)
        for number in (2, 3, 4):
            background.request(observe(number))
    assert settled(background).chunk.actions[0, 0] == 4.0
    assert [observation.state[0] for observation, _ in policy.asked] == [1.0, 4.0]


def test_failure_is_a_status_and_the_last_chunk_stays(background, policy, observe):
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


def test_answer_of_the_last_episode_is_not_delivered(background, policy, observe, held):
    with held(policy):
        background.request(observe(1))
        assert policy.entered.wait(PATIENCE_S)
        background.request(observe(2))
        background.reset()
    assert settled(background) == Poll()
    background.request(observe(3))
    assert settled(background).chunk.actions[0, 0] == 3.0
    assert [observation.state[0] for observation, _ in policy.asked] == [1.0, 3.0]


def test_prefix_is_handed_on(background, policy, observe):
    prefix = ActionPrefix(np.ones((3, DIMENSIONS)), 1, 2)
    background.request(observe(), prefix)
    settled(background)
    assert policy.asked[0][1] is prefix


def test_loop_is_never_held_up_by_a_server_that_dies(serve, policy, make_policy, connect, observe, held):
    """Request, poll, kill, poll, restart, poll: each call returns within a slot of the loop."""
    running = serve(policy)
    client = connect(running.url, timeout_s=0.3)
    longest_s = 0.0

    def timed(call, *arguments):
        nonlocal longest_s
        begin = time.monotonic()
        result = call(*arguments)
        longest_s = max(longest_s, time.monotonic() - begin)
        return result

    def ask_until(wanted, number):
        end = time.monotonic() + PATIENCE_S
        while (poll := timed(background.poll)).status is not wanted:
            if poll.status is not Status.WAITING:
                timed(background.request, observe(number))
            assert time.monotonic() < end
            threading.Event().wait(0.01)
        return poll

    with BackgroundPolicy(client) as background:
        timed(background.request, observe(1))
        assert ask_until(Status.IDLE, 1).chunk.actions[0, 0] == 1.0
        with held(policy):
            timed(background.request, observe(2))
            assert "did not answer within 0.3 s" in ask_until(Status.FAILED, 2).error
        running.stop()
        timed(background.request, observe(3))
        assert "no policy server" in ask_until(Status.FAILED, 3).error
        assert background.poll().chunk.actions[0, 0] == 1.0
        serve(make_policy(), port=running.port)
        timed(background.request, observe(4))
        assert ask_until(Status.IDLE, 4).chunk.actions[0, 0] == 4.0
    assert longest_s < 0.2  # less than any call that waits for the server takes


def test_closing_does_not_wait_for_a_policy_that_hangs(policy, observe):
    policy.gate.clear()
    background = BackgroundPolicy(policy)
    background.request(observe())
    begin = time.monotonic()
    background.close(timeout_s=0.1)
    assert time.monotonic() - begin < 1.0
    policy.gate.set()


def test_closed_one_asks_no_more(policy, observe):
    policy.calls = [None] * 3
    background = BackgroundPolicy(policy)
    background.close()
    background.request(observe())
    background.close()
    assert not policy.asked
