import numpy as np
import pytest

from hlm.core.errors import MismatchError, UnknownNameError
from hlm.sim.tasks.catalog import TASKS, find_task
from hlm.sim.tasks.shelf_cup_transfer.operator import ShelfCupOperator


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_what_it_is_called_and_has_an_operator(name):
    entry = find_task(name)
    task = entry.make_task()
    assert task.name == name
    assert len(set(task.stages)) == len(task.stages) > 0
    assert task.time_limit_s > 0.0
    instance = task.reset(1)
    assert instance.instruction in instance.candidates
    assert entry.make_operator(task, np.random.default_rng(0)) is not None


def test_an_unknown_task_is_named_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"no task 'shelf_cup'\..* Did you mean 'shelf_cup_transfer'\?"):
        find_task("shelf_cup")


def test_an_operator_refuses_another_task():
    class Other:
        name = "other"

    with pytest.raises(MismatchError, match="this operator shows 'shelf_cup_transfer', the task is 'other'"):
        TASKS["shelf_cup_transfer"].make_operator(Other(), np.random.default_rng(0))


def test_the_shelf_cup_operator_is_the_one_of_its_task(task):
    made = TASKS["shelf_cup_transfer"].make_operator(task, np.random.default_rng(0))
    assert isinstance(made, ShelfCupOperator)
