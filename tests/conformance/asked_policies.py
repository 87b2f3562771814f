"""Laws of `hlm.runtime.chunks.asking.AskedPolicy`."""

import threading
import time

import numpy as np
import pytest
from fakes import POLICY_SPEC

from hlm.core.layout import DIMENSIONS
from hlm.core.policy import ActionPrefix
from hlm.core.values import CameraFrame, Observation
from hlm.runtime.chunks.asking import Poll, Status

PATIENCE_S = 30.0


def observe(number):
    """An observation that is told from others by its number."""
    frames = {name: CameraFrame(number, np.full((8, 12, 3), 90, np.uint8)) for name in POLICY_SPEC.cameras}
    return Observation(number, np.full(DIMENSIONS, float(number)), frames, "lift the cup")


class AskedPolicyConformance:
    """What every policy does that is asked without waiting; a subclass gives the fixture `asked`.

    It asks a `FakePolicy` that continues chunks; `pass_time` lets a moment pass on its clock.
    """

    def pass_time(self, asked):
        threading.Event().wait(0.002)

    @pytest.fixture
    def asked(self):
        raise NotImplementedError

    def settled(self, asked):
        """How things stand when nothing is on its way."""
        end = time.monotonic() + PATIENCE_S
        while (poll := asked.poll()).status is Status.WAITING:
            assert time.monotonic() < end
            self.pass_time(asked)
        return poll

    def test_nothing_was_asked(self, asked):
        asked.reset(1)
        assert asked.poll() == Poll()

    def test_the_answer_carries_the_stamp_of_its_observation_and_stays(self, asked):
        asked.reset(1)
        for number in (10, 20):
            asked.request(observe(number))
            poll = self.settled(asked)
            assert (poll.status, poll.error, poll.chunk.stamp_ns) == (Status.IDLE, "", number)
            assert poll.chunk.actions[0, 0] == number
            assert poll.latency_s >= 0.0
            assert asked.poll().chunk.stamp_ns == number

    def test_the_newest_of_several_requests_is_answered_last(self, asked):
        asked.reset(1)
        for number in (30, 31, 32):
            asked.request(observe(number))
        assert self.settled(asked).chunk.stamp_ns == 32

    def test_a_prefix_is_continued(self, asked):
        asked.reset(1)
        asked.request(observe(40), ActionPrefix(np.full((3, DIMENSIONS), -5.0), 2, 3))
        actions = self.settled(asked).chunk.actions
        np.testing.assert_array_equal(actions[:3, 0], [-5.0, -5.0, 42.0])

    def test_a_reset_forgets_what_was_asked(self, asked):
        asked.reset(1)
        asked.request(observe(50))
        asked.reset(2)
        assert self.settled(asked) == Poll()
        asked.request(observe(51))
        assert self.settled(asked).chunk.stamp_ns == 51

    def test_a_closed_one_fails_and_says_why(self, asked):
        asked.close()
        asked.request(observe(60))
        poll = asked.poll()
        assert poll.status is Status.FAILED
        assert poll.error
