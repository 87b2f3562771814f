from functools import partial

import pytest
from fake_rollouts import rollout as fake_rollout

from hlm.evaluation.charts import ending_bars, instruction_bars, stage_bars
from hlm.evaluation.results import EvalResult

rollout = partial(fake_rollout, instruction="take red")


def result(*rollouts):
    return EvalResult(task="shelf", policy="runs/policy", first_seed=1, rollouts=rollouts)


def test_bars_count_stages_and_instructions():
    found = result(rollout(1, 3), rollout(2, 1), rollout(3, 0, instruction="other"), rollout(4, 3, success=False))
    assert [(bar.name, bar.count) for bar in stage_bars(found)] == [
        ("reach", 3),
        ("grasp", 2),
        ("place", 2),
        ("success", 1),
    ]
    assert [(bar.name, bar.count, bar.trials) for bar in instruction_bars(found)] == [
        ("take red", 1, 3),
        ("other", 0, 1),
    ]
    assert all(bar.low <= bar.rate <= bar.high for bar in stage_bars(found))


@pytest.mark.parametrize(
    ("change", "name"),
    [({"wrong_object": True}, "wrong object"), ({"fell": True}, "falls"), ({"fault": "x"}, "broken")],
)
def test_bars_count_endings(change, name):
    found = ending_bars(result(rollout(1, 3), rollout(2, 1, **change)))
    assert (found["success"].count, found[name].count, found[name].trials) == (1, 1, 2)
    assert all(bar.count == 0 for other, bar in found.items() if other not in ("success", name))


def test_without_broken_rollouts_there_is_no_bar_of_them():
    assert list(ending_bars(result(rollout(1, 3)))) == ["success", "wrong object", "falls"]
