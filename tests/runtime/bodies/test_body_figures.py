from dataclasses import replace

import pytest

from hlm.core.body import BodyState, BodyStatus
from hlm.runtime.bodies.body_figures import BodyFigures
from hlm.runtime.bodies.body_records import BodyReport

FIRST = BodyReport(
    slot=7,
    due_ns=10**9,
    woke_ns=10**9,
    done_ns=10**9 + 2_000_000,
    skipped=1,
    status=BodyStatus(BodyState.RUNNING),
    orders=1,
    references=0,
    lost=0,
    reference_ns=0,
)


def report(number):
    """Report of a step on a grid of 10 ms that began `number` us late and took 2 ms."""
    due_ns = FIRST.due_ns + 10_000_000 * number
    woke_ns = due_ns + 1000 * number
    return replace(FIRST, slot=7 + number, due_ns=due_ns, woke_ns=woke_ns, done_ns=woke_ns + 2_000_000)


def test_without_steps_there_is_nothing_to_say():
    figures = BodyFigures()
    assert figures.summary() == {}
    assert (figures.recent_hz(), figures.recent_late_s()) == (0.0, 0.0)


def test_the_summary_is_of_all_steps_and_the_view_of_the_newest():
    figures = BodyFigures()
    for number in range(1000):
        figures.take([report(number)])
    figures.take([replace(report(1000), skipped=4, lost=2)])
    summary = figures.summary()
    assert (summary["steps"], summary["skipped_slots"], summary["lost_references"]) == (1001, 3, 2)
    assert summary["rate_hz"] == pytest.approx(100.0)
    assert summary["late_ms"] == {"p50": 0.5, "p99": 0.99, "max": 1.0}
    assert summary["step_ms"] == {"p50": 2.0, "p99": 2.0, "max": 2.0}
    assert [step.slot for step in figures.recent] == list(range(908, 1008))
    assert figures.recent_hz() == pytest.approx(100.0, rel=1e-3)
    assert figures.recent_late_s() == pytest.approx(1e-3)
