"""Training stops when its time is over, and plans its updates so that they fill it."""

import re

import pytest
from fakes import SteppedClock

from hlm.policies.checkpoint import read_checkpoint
from hlm.policies.training.resuming import resuming
from hlm.policies.training.saving import Saver
from hlm.policies.training.state import TrainState
from hlm.policies.training.trainer import UPDATE_SHARE


@pytest.mark.parametrize("minutes", [1.0, 4.0])
def test_updates_fill_the_time_that_there_is(tiny_config, run_with_clock, minutes):
    run, said = run_with_clock(
        tiny_config(steps=None, max_minutes=minutes, batch_size=2, validation_fraction=0.0, warmup_steps=0)
    )
    state = run.state
    assert state.step == state.steps
    # All but what is left for saving is used, give or take an update's time, of about ten looks at the clock.
    assert abs(UPDATE_SHARE * 60.0 * minutes - state.seconds) < 12.0
    assert f"updates fit into {minutes:g} minutes" in said or state.step < 26
    assert read_checkpoint(run.config.out).step == state.step
    assert "unfinished" not in (run.config.out / "card.md").read_text()


def test_the_learning_rate_has_fallen_when_the_time_is_over(tiny_config, run_with_clock):
    run, _ = run_with_clock(
        tiny_config(steps=None, max_minutes=5.0, batch_size=2, validation_fraction=0.0, learning_rate=1.0)
    )
    assert run.state.step > 26
    assert run.state.optimizer.param_groups[0]["lr"] < 0.1


def test_a_run_by_time_goes_on_when_there_is_more_of_it(tiny_config, run_with_clock):
    config = tiny_config(steps=None, max_minutes=1.0, batch_size=2, validation_fraction=0.0)
    first = run_with_clock(config)[0].state.step
    run, said = run_with_clock(resuming(config.out))
    assert run.state.step == first
    run, said = run_with_clock(resuming(config.out, max_minutes=3.0))
    assert run.state.step > 2 * first
    assert "updates fit into 3 minutes" in said


@pytest.mark.parametrize("later_s", [1.0, 6.0])
def test_the_plan_follows_a_pace_that_changes(tiny_config, run_with_clock, monkeypatch, later_s):
    """The first updates say little about the others: another program may start or end beside them."""
    clock, update = SteppedClock(), TrainState.update

    def updating(state, *arguments):
        took_s = 2.0 if state.step < 40 else later_s
        clock.wait_until(clock.now_ns() + round(took_s * 1e9))
        return update(state, *arguments)

    monkeypatch.setattr(TrainState, "update", updating)
    run, said = run_with_clock(
        tiny_config(
            steps=None, max_minutes=10.0, batch_size=2, validation_fraction=0.0, learning_rate=1e-2, warmup_steps=0
        ),
        clock,
    )
    plans = [int(steps) for steps in re.findall(r"about (\d+) updates fit into 10 minutes", said)]
    limit_s = 600.0 * UPDATE_SHARE
    assert plans[0] == pytest.approx(limit_s / 2.0, rel=0.02)
    assert plans[-1] == pytest.approx(run.state.step, rel=0.1)
    assert run.state.seconds == pytest.approx(limit_s, abs=6.0)
    # The rate has fallen all the way when the time is over.
    assert run.state.optimizer.param_groups[0]["lr"] == pytest.approx(3e-4, rel=0.2)


def test_time_for_validating_is_planned_for(tiny_config, run_with_clock, monkeypatch):
    clock, update = SteppedClock(), TrainState.update

    def updating(state, *arguments):
        clock.wait_until(clock.now_ns() + round(1e9))
        return update(state, *arguments)

    def saving(saver, reports, **options):
        clock.wait_until(clock.now_ns() + round(20e9))

    monkeypatch.setattr(TrainState, "update", updating)
    monkeypatch.setattr(Saver, "save", saving)
    config = tiny_config(steps=None, max_minutes=10.0, batch_size=2, save_every_minutes=0.5, learning_rate=1e-2)
    run, _ = run_with_clock(config, clock)
    assert run.state.step < 0.7 * 600.0 * UPDATE_SHARE
    assert run.state.optimizer.param_groups[0]["lr"] == pytest.approx(3e-4, rel=0.3)
