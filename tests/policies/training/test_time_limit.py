"""Training stops when its time is over, and plans its updates so that they fill it."""

import pytest

from hlm.policies.checkpoint import read_checkpoint
from hlm.policies.training.resuming import resuming
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
