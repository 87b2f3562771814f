"""A policy whose actions are its observation, plus one a step: who plays an old chunk plays numbers of before."""

import numpy as np
import pytest
from conformance.reference_sources import ReferenceSourceConformance, observation

from hlm.core.values import ActionChunk, Observation
from hlm.runtime.chunks.asking import Poll, Status
from hlm.runtime.chunks.returning import ReturningPolicy
from hlm.runtime.chunks.schedulers import ChunkConfig, Synchronous
from hlm.runtime.chunks.source import ChunkSource

CONFIG = ChunkConfig(execution_horizon=8, max_rest_s=10.0)


class Asked:
    """Answers when it is told to, and remembers its resets."""

    def __init__(self, *, waits=False):
        self.waits, self.seeds, self.asked, self.newest = waits, [], [], Poll()

    def request(self, seen, prefix=None):
        self.asked.append(seen.stamp_ns)
        actions = seen.state + np.arange(20)[:, None]
        status = Status.WAITING if self.waits else Status.IDLE
        self.newest = Poll(chunk=ActionChunk(seen.stamp_ns, 30.0, actions), status=status)

    def poll(self):
        return self.newest

    def reset(self, seed):
        self.seeds.append(seed)
        self.newest = Poll()


def seen(step, state=0.0):
    return Observation(observation(step).stamp_ns, np.full(34, state), {}, "wave")


def returning(policy):
    chunks = ChunkSource(policy, Synchronous(CONFIG), CONFIG)
    return ReturningPolicy(chunks, 7), chunks


def played(source, steps, state=0.0):
    return [source.reference(seen(step, state)).vector[0] for step in steps]


class TestReturningPolicy(ReferenceSourceConformance):
    @pytest.fixture
    def make_source(self):
        return lambda: returning(Asked())[0]

    ends = False


def test_it_plans_anew_from_where_the_robot_is_and_its_counts_go_on():
    policy = Asked()
    source, chunks = returning(policy)
    source.reset(seen(0))
    assert played(source, range(5)) == pytest.approx([0, 1, 2, 3, 4], abs=1e-6)
    source.reset(seen(30, 100.0))
    assert played(source, range(30, 33), 100.0) == pytest.approx([100, 101, 102], abs=1e-6)
    assert policy.seeds == [7], "whoever makes it begins its noise"
    assert (chunks.counts.asked, chunks.counts.joined) == (2, 2)


def test_an_answer_to_what_was_seen_before_is_not_played():
    policy = Asked(waits=True)
    source, chunks = returning(policy)
    source.reset(seen(0))
    source.reference(seen(0))
    source.reset(seen(30, 100.0))
    assert source.reference(seen(30, 100.0)).vector[0] == 100.0, "it rests where the robot is"
    policy.newest = Poll(chunk=policy.newest.chunk)
    assert source.reference(seen(31, 100.0)).vector[0] >= 100.0
    counts = chunks.counts
    assert (counts.asked, counts.joined, counts.failed) == (2, 1, 1)
