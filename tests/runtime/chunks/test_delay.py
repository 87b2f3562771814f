from hypothesis import given
from hypothesis import strategies as st

from hlm.runtime.chunks.delay import WINDOW, DelayEstimate


def estimated(delays):
    estimate = DelayEstimate()
    for steps in delays:
        estimate = estimate.with_answer(steps)
    return estimate.steps


def test_before_the_first_answer_nothing_is_expected():
    assert estimated([]) == 0


def test_the_first_answer_is_all_there_is():
    assert estimated([9]) == 9


@given(st.integers(0, 50), st.integers(1, 40), st.integers(0, 40), st.integers(0, 10_000))
def test_a_single_slow_answer_changes_nothing(usual, count, place, slow):
    delays = [usual] * (count + 1)
    delays.insert(min(place, len(delays)), usual + slow)
    assert estimated(delays) == usual


@given(st.lists(st.integers(0, 50), min_size=2))
def test_all_but_one_of_the_latest_answers_were_at_most_as_slow(delays):
    latest = delays[-WINDOW:]
    assert sum(steps > estimated(delays) for steps in latest) <= 1
    assert estimated(delays) in latest


def test_what_was_long_ago_is_forgotten():
    assert estimated([40, 40, *[2] * WINDOW]) == 2
