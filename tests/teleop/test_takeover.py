"""Two sources that say who they are, and a third that says who commands."""

import numpy as np
import pytest
from conformance.reference_sources import ReferenceSourceConformance, observation

from hlm.core.layout import DIMENSIONS
from hlm.core.values import Reference
from hlm.teleop.blend import SHORTEST_S
from hlm.teleop.takeover import Takeover


class Constant:
    """Plays one number for some steps, and remembers its resets."""

    def __init__(self, value, steps=10_000):
        self.value, self.steps, self.resets = value, steps, []

    def reset(self, seen):
        self.resets.append(seen.stamp_ns)
        self.left = self.steps

    def reference(self, seen):
        self.left -= 1
        return None if self.left < 0 else Reference(seen.stamp_ns, np.full(DIMENSIONS, self.value))


def takeover(wanted, first=0.0, second=0.2, steps=10_000):
    return Takeover(Constant(first, steps), Constant(second), wanted, ("policy", "scripted"))


class TestTakeover(ReferenceSourceConformance):
    @pytest.fixture
    def make_source(self):
        return lambda: takeover(lambda seen: seen.stamp_ns > observation(10).stamp_ns, steps=30)

    ends = False


def values(source, first, last):
    return [source.reference(observation(step)).vector[0] for step in range(first, last)]


def test_the_other_source_takes_over_and_hands_back_without_a_jump():
    source = takeover(lambda seen: observation(10).stamp_ns <= seen.stamp_ns < observation(60).stamp_ns)
    source.reset(observation(0))
    played = np.array(values(source, 0, 100))
    assert set(played[:10]) == {0.0}
    assert played[10] == pytest.approx(0.0)
    blended = 1 + round(SHORTEST_S * 30)
    np.testing.assert_allclose(played[10 + blended : 60], 0.2)
    np.testing.assert_allclose(played[60 + blended :], 0.0, atol=1e-12)
    assert np.abs(np.diff(played)).max() < 0.2 * 2.0 / (SHORTEST_S * 30), "of a minimum-jerk way, at most"


def test_who_comes_into_command_begins_from_what_is_seen_then():
    source = takeover(lambda seen: observation(10).stamp_ns <= seen.stamp_ns < observation(20).stamp_ns)
    source.reset(observation(0))
    names = []
    for step in range(30):
        source.reference(observation(step))
        names.append(source.in_command)
    assert names == ["policy"] * 10 + ["scripted"] * 10 + ["policy"] * 10
    policy, scripted = source._sources
    assert policy.resets == [observation(0).stamp_ns, observation(20).stamp_ns]
    assert scripted.resets == [observation(10).stamp_ns]


def test_who_is_in_command_may_end_the_episode():
    source = takeover(lambda seen: False, steps=3)
    source.reset(observation(0))
    assert [source.reference(observation(step)) is None for step in range(5)] == [False, False, False, True, True]


class ContinuingConstant(Constant):
    """Remembers where it was told to go on from, and when."""

    def __init__(self, value):
        super().__init__(value)
        self.calls = []

    def continue_from(self, reference):
        self.calls.append(float(reference.vector[0]))

    def reset(self, seen):
        super().reset(seen)
        self.calls.append("reset")


def test_a_source_that_can_goes_on_from_the_last_reference():
    other = ContinuingConstant(0.2)
    source = Takeover(
        Constant(0.1), other, lambda seen: seen.stamp_ns >= observation(5).stamp_ns, ("policy", "keyboard")
    )
    source.reset(observation(0))
    values(source, 0, 8)
    assert other.calls == [0.1, "reset"]
