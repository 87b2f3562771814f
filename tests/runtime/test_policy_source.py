import numpy as np
import pytest

from hlm.core.errors import InputError
from hlm.core.values import ActionChunk, Observation
from hlm.runtime.chunks.schedulers import ChunkConfig
from hlm.runtime.policy_source import PolicySource

HORIZON = 12


class CountingPolicy:
    """Chunk k starts at 1000 k and rises by one an action, in every dimension."""

    def __init__(self, horizon=HORIZON):
        self.horizon, self.asked_ns = horizon, []

    def chunk(self, observation, prefix=None):
        base = 1000.0 * len(self.asked_ns)
        self.asked_ns.append(observation.stamp_ns)
        actions = base + np.arange(float(self.horizon))[:, None] + np.zeros(34)
        return ActionChunk(observation.stamp_ns, 30.0, actions)


class Straight:
    """Every chunk lies on the same line over time, off by `jump` more each time."""

    def __init__(self, jump):
        self.jump, self.chunks = jump, 0

    def chunk(self, observation, prefix=None):
        times_s = observation.stamp_ns * 1e-9 + np.arange(HORIZON) / 30.0
        self.chunks += 1
        return ActionChunk(observation.stamp_ns, 30.0, (times_s + self.chunks * self.jump)[:, None] + np.zeros(34))


def stamp_ns(step):
    return 5_000_000_000 + round(step * 1e9 / 30)


def seen(step):
    return Observation(stamp_ns(step), np.zeros(34), {}, "wave")


def played(source, steps):
    source.reset(seen(steps[0]))
    references = [source.reference(seen(step)) for step in steps]
    assert [reference.stamp_ns for reference in references] == [stamp_ns(step) for step in steps]
    return np.array([reference.vector[0] for reference in references])


def test_a_chunk_is_played_action_by_action_until_the_next_is_asked_for():
    policy = CountingPolicy()
    values = played(PolicySource(policy, ChunkConfig(execution_horizon=5, blend=0)), range(12))
    assert policy.asked_ns == [stamp_ns(step) for step in (0, 5, 10)]
    np.testing.assert_allclose(values, [0, 1, 2, 3, 4, 1000, 1001, 1002, 1003, 1004, 2000, 2001], atol=1e-4)


def test_the_old_chunk_fades_into_the_new_one_in_equal_steps():
    values = played(PolicySource(CountingPolicy(), ChunkConfig(execution_horizon=5, blend=3)), range(9))
    # Where both chunks would be, and how much the new one counts.
    for step, share in ((5, 0.25), (6, 0.5), (7, 0.75)):
        assert values[step] == pytest.approx(share * (1000 + step - 5) + (1 - share) * step, abs=1e-3)
    np.testing.assert_allclose(values[8], 1003, atol=1e-3)


def test_the_first_chunk_is_not_blended():
    values = played(PolicySource(CountingPolicy(), ChunkConfig(execution_horizon=5, blend=3)), range(4))
    np.testing.assert_allclose(values, [0, 1, 2, 3], atol=1e-4)


@pytest.mark.parametrize("blend", [0, 1, 3, 5])
def test_chunks_that_agree_are_played_without_a_seam(blend):
    values = played(PolicySource(Straight(jump=0.0), ChunkConfig(execution_horizon=6, blend=blend)), range(30))
    np.testing.assert_allclose(np.diff(values), 1 / 30, atol=1e-6)


@pytest.mark.parametrize("blend", [1, 3, 5])
def test_chunks_that_disagree_are_joined_without_a_jump(blend):
    jump = 0.6
    values = played(PolicySource(Straight(jump), ChunkConfig(execution_horizon=6, blend=blend)), range(30))
    assert np.abs(np.diff(values) - 1 / 30).max() == pytest.approx(jump / (blend + 1), abs=1e-6)


def test_missed_steps_are_played_by_their_due_time_not_by_their_number():
    policy = CountingPolicy()
    values = played(PolicySource(policy, ChunkConfig(execution_horizon=5, blend=0)), [0, 1, 3, 4, 7, 8])
    assert policy.asked_ns == [stamp_ns(0), stamp_ns(7)]
    np.testing.assert_allclose(values, [0, 1, 3, 4, 1000, 1001], atol=1e-4)


def test_a_reset_forgets_the_last_episodes_chunks():
    policy = CountingPolicy()
    source = PolicySource(policy, ChunkConfig(execution_horizon=10, blend=5))
    played(source, range(3))
    values = played(source, range(3, 6))
    assert len(policy.asked_ns) == 2
    np.testing.assert_allclose(values, [1000, 1001, 1002], atol=1e-3)


def test_the_policy_sees_the_observation_of_its_step():
    asked = []

    class Looking(CountingPolicy):
        def chunk(self, observation, prefix=None):
            asked.append(observation)
            return super().chunk(observation)

    source, first = PolicySource(Looking(), ChunkConfig(execution_horizon=5)), seen(0)
    source.reset(first)
    source.reference(first)
    assert asked == [first]


def test_a_chunk_that_is_shorter_than_what_is_to_be_played_is_refused():
    source = PolicySource(CountingPolicy(horizon=4), ChunkConfig(execution_horizon=5))
    with pytest.raises(InputError, match="cannot execute 5 actions of a chunk: the policy's chunks have 4"):
        source.reference(seen(0))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"execution_horizon": 0}, "execution_horizon must be at least 1 action, got 0"),
        ({"blend": -1}, "blend must not be negative, got -1"),
    ],
)
def test_settings_out_of_range_are_refused(change, text):
    with pytest.raises(InputError, match=text):
        ChunkConfig(**change)
