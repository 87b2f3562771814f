from dataclasses import replace

import pytest
from fake_rollouts import rollout
from rich.console import Console

from hlm.cli.figures import figures
from hlm.evaluation.results import EvalResult

SUCCESS, FAILURE = rollout(0, 3), rollout(1, 2)


@pytest.fixture
def shown():
    def shown(*rollouts, **changes):
        console = Console(width=200)
        result = EvalResult(task="shelf", policy="scripted", first_seed=0, rollouts=rollouts, **changes)
        with console.capture() as capture:
            console.print(figures(result))
        return dict(line.split(maxsplit=1) for line in capture.get().splitlines() if line.strip())

    return shown


def test_almost_all_is_not_all(shown):
    rows = shown(*(replace(SUCCESS, seed=2 + number) for number in range(999)), FAILURE)
    assert rows["success"].startswith("999 of 1000 = 99.9% (95 % interval 99.4% to 100%)")
    assert rows["stages"].strip() == "reach 100%, grasp 100%, place 99.9%"


def test_partial_figures_say_that_they_may_flatter(shown):
    assert "partial" not in shown(SUCCESS)
    assert shown(SUCCESS, planned=5)["partial"].startswith("1 of 5 rollouts; successes finish first")


def test_a_broken_rollout_is_named(shown):
    broken = replace(FAILURE, fault="the policy gave no finite actions")
    assert shown(SUCCESS, broken)["broken"].strip() == "50%, mostly because the policy gave no finite actions (seed 1)"
