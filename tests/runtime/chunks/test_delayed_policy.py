import numpy as np
import pytest
from fakes import FakePolicy, SteppedClock

from hlm.core.errors import InputError
from hlm.core.values import Observation
from hlm.runtime.chunks.asking import Poll, Status
from hlm.runtime.chunks.delayed_policy import DelayedPolicy


def seen(number, stamp_ns=0):
    return Observation(stamp_ns, np.full(34, float(number)), {}, "wave")


@pytest.fixture
def clock():
    return SteppedClock()


@pytest.fixture
def policy():
    return FakePolicy(cameras=(), optional_cameras=())


def test_nothing_was_asked(policy, clock):
    assert DelayedPolicy(policy, clock, 0.1).poll() == Poll()


def test_an_answer_is_seen_when_its_delay_is_over_and_not_before(policy, clock):
    delayed = DelayedPolicy(policy, clock, 0.1)
    delayed.request(seen(7))
    for now_ns in (0, 50_000_000, 99_000_000):
        clock.wait_until(now_ns)
        assert (delayed.poll().status, delayed.poll().chunk) == (Status.WAITING, None)
    clock.wait_until(100_000_000)
    poll = delayed.poll()
    assert (poll.status, poll.error, poll.age_s, poll.latency_s) == (Status.IDLE, "", 0.1, 0.1)
    assert poll.chunk.actions[0, 0] == 7.0
    assert delayed.poll().chunk is poll.chunk


def test_without_a_delay_the_answer_is_there_at_once(policy, clock):
    delayed = DelayedPolicy(policy, clock)
    delayed.request(seen(1))
    assert delayed.poll().chunk.actions[0, 0] == 1.0


def test_the_newest_of_the_requests_that_wait_is_asked_next(policy, clock):
    delayed = DelayedPolicy(policy, clock, 0.1)
    for number in (1, 2, 3):
        delayed.request(seen(number))
    clock.wait_until(150_000_000)
    poll = delayed.poll()
    assert (poll.chunk.actions[0, 0], poll.status) == (1.0, Status.WAITING)
    clock.wait_until(200_000_000)
    poll = delayed.poll()
    assert (poll.chunk.actions[0, 0], poll.status, poll.latency_s) == (3.0, Status.IDLE, 0.2)
    assert [observation.state[0] for observation, _ in policy.calls] == [1.0, 3.0]


def test_a_reset_forgets_what_is_on_its_way_and_restarts_the_noise(policy, clock):
    delayed = DelayedPolicy(policy, clock, 0.1)
    delayed.request(seen(1))
    delayed.request(seen(2))
    delayed.reset(5)
    clock.wait_until(500_000_000)
    assert delayed.poll() == Poll()
    assert policy.next_noise == (5, 0)


def arrivals(seed, clock, policy):
    delayed, found = DelayedPolicy(policy, clock, 0.1, 0.2), []
    delayed.reset(seed)
    for number in range(20):
        delayed.request(seen(number))
        clock.wait_until(clock.now_ns() + 1_000_000_000)
        found.append(delayed.poll().latency_s)
    return found


def test_jitter_stays_in_its_range_and_is_that_of_the_seed(policy, clock):
    first = arrivals(3, clock, policy)
    assert all(0.1 <= latency_s <= 0.3 for latency_s in first)
    assert len(set(first)) == len(first)
    assert arrivals(3, clock, policy) == first
    assert arrivals(4, clock, policy) != first


def test_the_policys_errors_come_out(policy, clock):
    policy.error = InputError("no such word")
    with pytest.raises(InputError, match="no such word"):
        DelayedPolicy(policy, clock, 0.1).request(seen(1))


def test_a_closed_one_fails(policy, clock):
    delayed = DelayedPolicy(policy, clock, 0.1)
    delayed.request(seen(1))
    delayed.close()
    delayed.request(seen(2))
    clock.wait_until(1_000_000_000)
    assert delayed.poll().status is Status.FAILED
    assert "was closed; make a new one" in delayed.poll().error
    assert delayed.poll().chunk is None


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["delay", "jitter"])
def test_delays_that_cannot_be_are_refused(policy, clock, name, value):
    with pytest.raises(InputError, match=f"a {name} must not be negative, and be finite"):
        DelayedPolicy(policy, clock, **{f"{name}_s": value})
