import pytest

from hlm.policies.training.pace import LATEST_STEPS, TIMED_STEPS, UNTIMED_STEPS, Pace


def test_nothing_is_told_before_enough_updates():
    pace = Pace(0, 0.0)
    for _ in range(TIMED_STEPS - 1):
        pace.add(2.0)
        assert pace.update_s() is None
    pace.add(2.0)
    assert pace.update_s() == 2.0


def test_the_first_updates_do_not_count():
    pace = Pace(0, 0.0)
    for update in range(TIMED_STEPS):
        pace.add(100.0 if update < UNTIMED_STEPS else 1.0)
    assert pace.update_s() == 1.0


def test_the_latest_updates_count():
    pace = Pace(0, 0.0)
    for took_s in [9.0] * 50 + [1.0, 3.0] * (LATEST_STEPS // 2):
        pace.add(took_s)
    assert pace.update_s() == pytest.approx(2.0)
    assert pace.latest_s(1) == 3.0
    assert pace.latest_s(2) == 2.0
    assert pace.latest_s(10_000) > 2.0


def test_a_run_that_goes_on_is_believed_to_be_as_fast_as_before():
    pace = Pace(10, 25.0)
    assert pace.update_s() == 2.5
    for _ in range(TIMED_STEPS):
        pace.add(1.0)
    assert pace.update_s() == 1.0


def test_saving_and_validating_take_their_share():
    pace = Pace(0, 0.0)
    for _ in range(2 * TIMED_STEPS):
        pace.add(2.0)
    assert pace.update_s(2.0 * TIMED_STEPS * 3.0) == pytest.approx(3.0)
    assert pace.update_s(0.0) == 2.0
