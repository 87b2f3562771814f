"""Laws of playing chunks, whatever the delays; a step is a slot of the 30 Hz grid.

The plan is a number that rises by one with each step at which the reference moves: action t of a chunk is the plan at
its observation, plus t. So whoever plays every action when it is due plays 0, 1, 2, ..., and repeats a number at rest.
"""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hlm.core.clock import due_ns
from hlm.core.errors import InputError
from hlm.core.layout import ROOT_YAW_RATE
from hlm.core.values import ActionChunk, Observation
from hlm.runtime.chunks.asking import Poll, Status
from hlm.runtime.chunks.schedulers import SCHEDULERS, ChunkConfig, make_scheduler
from hlm.runtime.chunks.source import ChunkSource, StarvedError

HORIZON, EXECUTED, START_NS = 20, 8, 5_000_000_000
STEPS = 120


def stamp_ns(step):
    return due_ns(START_NS, step, 30.0)


def step_of(observation):
    return round((observation.stamp_ns - START_NS) * 30e-9)


def seen(step, state=0.0):
    return Observation(stamp_ns(step), np.full(34, float(state)), {}, "wave")


class Scripted:
    """An asked policy whose k-th answer comes `delays[k]` steps after its request; None fails; the last repeats.

    The k-th chunk begins at the observed state, and is off by `errors[k]`.
    """

    def __init__(self, delays, horizon=HORIZON, rising=1.0, errors=(0.0,)):
        self.delays, self.horizon, self.rising, self.errors = delays, horizon, rising, errors
        self.asked, self.prefixes, self.now = [], [], 0
        self.newest, self.coming = Poll(), None

    def request(self, observation, prefix=None):
        assert self.coming is None
        count = len(self.asked)
        delay, error = self.delays[min(count, len(self.delays) - 1)], self.errors[min(count, len(self.errors) - 1)]
        self.asked.append(step_of(observation))
        self.prefixes.append(prefix)
        if delay is None:
            self.newest = Poll(chunk=self.newest.chunk, status=Status.FAILED, error="it broke.")
            return
        actions = observation.state + self.rising * np.arange(self.horizon)[:, None] + error
        self.coming = self.asked[-1] + delay, ActionChunk(observation.stamp_ns, 30.0, actions)

    def poll(self):
        if self.coming is None:
            return self.newest
        if self.now < self.coming[0]:
            return Poll(chunk=self.newest.chunk, status=Status.WAITING)
        self.newest, self.coming = Poll(chunk=self.coming[1]), None
        return self.newest


def source_of(policy, name, blend=0, continues=False, **changes):
    config = ChunkConfig(execution_horizon=EXECUTED, blend=blend, **{"max_rest_s": 10.0, **changes})
    return ChunkSource(policy, make_scheduler(name, config, continues=continues), config)


def played(policy, name, steps=STEPS, **changes):
    """[step] references of a run, [step] whether each stood still, and the source."""
    source = source_of(policy, name, **changes)
    source.reset(seen(0))
    values, resting, plan = [], [], 0
    for step in range(steps):
        policy.now = step
        before = source.counts.rest_steps
        reference = source.reference(seen(step, policy.rising * plan))
        assert reference.stamp_ns == stamp_ns(step)
        values.append(reference.vector[0])
        resting.append(source.counts.rest_steps > before)
        plan += not resting[-1]
    return np.array(values), np.array(resting), source


names = st.sampled_from(SCHEDULERS)
delays = st.lists(st.integers(0, 30), min_size=1, max_size=12)
delays_and_failures = st.lists(st.none() | st.integers(0, 30), min_size=1, max_size=12)


@given(names, delays_and_failures)
def test_every_request_is_counted_once(name, steps):
    policy = Scripted([*steps, 1])
    _, resting, source = played(policy, name)
    counts = source.counts
    on_its_way = policy.coming is not None
    assert counts.asked == len(policy.asked) == counts.joined + counts.refused + counts.failed + on_its_way
    assert counts.late <= counts.joined
    assert counts.rest_steps == resting.sum()


@given(names, delays_and_failures)
def test_actions_are_played_when_they_are_due_whenever_they_came(name, steps):
    values, resting, _ = played(Scripted([*steps, 1]), name)
    plan = np.cumsum(~resting) - 1.0
    np.testing.assert_allclose(values, np.maximum(plan, 0.0), atol=1e-5)


@given(names, delays_and_failures)
def test_no_action_is_played_before_it_is_due(name, steps):
    values, _, _ = played(Scripted([*steps, 1]), name)
    assert (values <= np.arange(STEPS) + 1e-5).all()


@given(names, delays, st.data())
def test_when_a_chunk_came_makes_no_difference_once_it_is_there(name, steps, data):
    """Another delay of one chunk, so that nothing rests: before and after both arrivals, the references are equal."""
    first, second = (data.draw(st.integers(0, 5)) for _ in range(2))
    runs = [played(Scripted([0, delay, 0], errors=(0.0, 7.0)), name, steps=20)[0] for delay in (first, second)]
    if name == "asynchronous":
        asked, latest = EXECUTED, EXECUTED + max(first, second)
        np.testing.assert_array_equal(runs[0][:asked], runs[1][:asked])
        # The third chunk is asked for when the second has played its share, whenever it came.
        np.testing.assert_array_equal(runs[0][latest : asked + EXECUTED], runs[1][latest : asked + EXECUTED])


@given(
    st.sampled_from(["synchronous", "asynchronous"]),
    st.integers(0, 30),
    st.integers(0, 6),
    st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=12),
)
def test_references_jump_by_no_more_than_the_blend_lets_them(name, delay, blend, errors):
    """Plans that stand still, each somewhere else: a step is at most 1 / (blend + 1) of what they are apart."""
    policy = Scripted([delay], rising=0.0, errors=errors)
    values, _, _ = played(policy, name, blend=blend)
    at_once = 1 + blend // min(np.diff(policy.asked), default=STEPS)  # chunks that take over at the same time
    assert np.abs(np.diff(values)).max() <= at_once * np.ptp([0.0, *errors]) / (blend + 1) + 1e-6


@given(st.integers(0, 5), st.lists(st.floats(-3.0, 3.0), min_size=1, max_size=12))
def test_without_a_delay_asynchronous_is_synchronous(blend, errors):
    runs = [played(Scripted([0], errors=errors), name, blend=blend)[0] for name in ("synchronous", "asynchronous")]
    np.testing.assert_array_equal(*runs)


@given(st.integers(0, 20))
def test_synchronous_references_stand_still_for_the_delay(delay):
    policy = Scripted([delay])
    _, resting, source = played(policy, "synchronous")
    assert policy.asked == list(range(0, STEPS, EXECUTED + delay))
    np.testing.assert_array_equal(resting, np.arange(STEPS) % (EXECUTED + delay) < delay)
    assert source.counts.late == 0


@given(st.integers(0, HORIZON // 2))
def test_asynchronous_references_rest_only_for_the_first_chunk_while_the_delay_is_at_most_half_a_chunk(delay):
    policy = Scripted([delay])
    _, resting, source = played(policy, "asynchronous")
    np.testing.assert_array_equal(resting, np.arange(STEPS) < delay)
    assert (source.counts.late, source.counts.refused, source.counts.rests) == (0, 0, 0)
    # Asked for early enough to take over when the execution horizon ends; one request at a time.
    assert set(np.diff(policy.asked[1:])) <= {max(EXECUTED - delay, delay, 1)}


def test_a_chunk_that_comes_late_joins_where_it_is_due_and_is_counted():
    values, _, source = played(Scripted([2, 2, 7, 2]), "asynchronous", steps=40)
    np.testing.assert_allclose(values[2:], np.arange(38), atol=1e-5)
    assert source.counts.late == 1


@pytest.mark.parametrize("name", SCHEDULERS)
def test_an_answer_to_another_observation_is_refused_and_counted(name):
    policy = Scripted([1])
    source = source_of(policy, name)
    source.reset(seen(0, 5.0))
    source.reference(seen(0, 5.0))
    due, chunk = policy.coming
    policy.coming, policy.now = (due, replace(chunk, stamp_ns=chunk.stamp_ns - 1)), 1
    assert source.reference(seen(1, 6.0)).vector[0] == 5.0
    assert (source.counts.refused, source.counts.joined, source.counts.asked) == (1, 0, 2)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_policy_that_fails_is_asked_again_with_what_is_seen_then(name):
    policy = Scripted([0, *[None] * 5, 0])
    _, _, source = played(policy, name, steps=EXECUTED + 6)
    assert source.counts.failed == 5
    first = policy.asked[1]
    assert policy.asked[1:7] == list(range(first, first + 6))


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_policy_that_is_lost_lets_references_stand_still_and_then_end(name):
    source = source_of(policy := Scripted([0, None], horizon=EXECUTED), name, max_rest_s=0.5)
    source.reset(seen(0))
    for step in range(EXECUTED):
        policy.now = step
        source.reference(seen(step))
    still = [source.reference(seen(step)).vector for step in range(EXECUTED, EXECUTED + 16)]
    np.testing.assert_allclose(np.array(still)[:, 0], EXECUTED - 1, atol=1e-5)
    assert np.ptp(np.array(still), axis=0).max() == 0.0
    with pytest.raises(StarvedError, match=r"the policy gave no chunk for 0\.5 s: it broke\.$"):
        source.reference(seen(EXECUTED + 16))


def test_a_policy_that_hangs_ends_references_too():
    source = source_of(Scripted([10_000]), "asynchronous", max_rest_s=0.2)
    source.reset(seen(0, 0.3))
    assert [source.reference(seen(step)).vector[0] for step in range(7)] == [0.3] * 7
    with pytest.raises(StarvedError, match="it does not answer"):
        source.reference(seen(7))


def test_who_stands_still_does_not_turn():
    source = source_of(Scripted([5]), "synchronous")
    source.reset(seen(0, 0.3))
    vector = source.reference(seen(0)).vector
    assert vector[ROOT_YAW_RATE] == 0.0
    assert (np.delete(vector, ROOT_YAW_RATE) == 0.3).all()


@given(st.integers(0, HORIZON // 2 - 1), st.integers(0, 5))
def test_a_policy_that_continues_is_told_what_will_be_played(delay, blend):
    policy = Scripted([delay], errors=(0.0, 1.0, -2.0, 4.0))
    values, _, _ = played(policy, "asynchronous", continues=True, guided=4, blend=blend)
    assert policy.prefixes[0] is None
    for asked, prefix in zip(policy.asked[1:], policy.prefixes[1:], strict=True):
        assert (prefix.delay, prefix.execution_horizon) == (delay, delay + 4)
        until = min(asked + delay, STEPS)
        np.testing.assert_allclose(prefix.actions[: until - asked, 0], values[asked:until], atol=1e-5)


@pytest.mark.parametrize("name", ["synchronous", "ensemble"])
def test_the_others_tell_the_policy_nothing(name):
    policy = Scripted([3])
    played(policy, name, continues=True)
    assert set(policy.prefixes) == {None}


@pytest.mark.parametrize("name", ["synchronous", "asynchronous"])
def test_a_chunk_that_is_shorter_than_what_is_to_be_played_is_refused(name):
    source = source_of(Scripted([0], horizon=EXECUTED - 1), name)
    source.reset(seen(0))
    with pytest.raises(InputError, match="cannot execute 8 actions of a chunk: the policy's chunks have 7"):
        source.reference(seen(0))


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_reset_begins_anew(name):
    runs = []
    policy = Scripted([3, 9, 2])
    source = source_of(policy, name)
    for _ in range(2):
        policy.__init__([3, 9, 2])
        source.reset(seen(0))
        run = []
        for step in range(40):
            policy.now = step
            run.append(source.reference(seen(step)).vector)
        runs.append((np.array(run), source.counts))
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    assert runs[0][1] == runs[1][1]


@given(st.integers(0, 6))
def test_an_ensemble_is_the_weighted_mean_of_all_chunks_that_have_an_action_for_now(delay):
    policy = Scripted([delay], rising=0.0, errors=np.arange(200.0))
    values, _, _ = played(policy, "ensemble", decay=0.1)
    for step in range(40, STEPS):
        due = [number for number, asked in enumerate(policy.asked) if asked + delay <= step < asked + HORIZON]
        weights = np.exp(-0.1 * np.arange(len(due)))
        assert values[step] == pytest.approx((weights @ due) / weights.sum())


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"execution_horizon": 0}, "execution_horizon must be at least 1 action, got 0"),
        ({"blend": -1}, "blend must not be negative, got -1"),
        ({"guided": -1}, "guided must not be negative, got -1"),
        ({"max_rest_s": float("nan")}, "max_rest_s must not be negative, got nan"),
    ],
)
def test_settings_out_of_range_are_refused(change, text):
    with pytest.raises(InputError, match=text):
        ChunkConfig(**change)
