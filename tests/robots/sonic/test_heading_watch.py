import numpy as np

from hlm.core.clock import NS_PER_S
from hlm.robots.sonic.heading_watch import HeadingWatch

BEFORE, AFTER, UNSAID = np.array([1.0, 0.0, 0.0, 0.0]), np.array([0.0, 0.0, 0.0, 1.0]), np.full(4, np.nan)


def looked(*headings, published_ns=0, first_ns=2 * NS_PER_S):
    """A watch that has seen these, one in each step of 50 Hz."""
    watch = HeadingWatch()
    if published_ns is not None:
        watch.published(published_ns)
    for step, heading in enumerate(headings):
        watch.look(heading, first_ns + step * NS_PER_S // 50)
    return watch


def test_a_heading_that_is_started_again_is_said_once():
    watch = looked(BEFORE, BEFORE, AFTER, AFTER)
    assert watch.trouble().startswith("SONIC has started its heading again")
    assert watch.trouble() == ""


def test_a_heading_that_stays_or_is_never_said_is_no_trouble():
    assert looked(BEFORE, BEFORE, BEFORE).trouble() == ""
    assert looked(UNSAID, UNSAID, UNSAID).trouble() == ""


def test_a_stream_may_start_it_in_its_first_second_and_before_it_runs():
    assert looked(BEFORE, AFTER, first_ns=NS_PER_S // 2).trouble() == ""
    assert looked(BEFORE, AFTER, published_ns=None).trouble() == ""


def test_a_stream_that_was_stopped_begins_anew():
    watch = looked(BEFORE, BEFORE)
    watch.stopped()
    watch.look(AFTER, 3 * NS_PER_S)
    watch.published(4 * NS_PER_S)
    watch.look(BEFORE, 6 * NS_PER_S)
    assert watch.trouble() == ""
    watch.look(AFTER, 7 * NS_PER_S)
    assert watch.trouble()
