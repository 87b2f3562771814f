import subprocess
import sys

import numpy as np
import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import UnknownNameError
from hlm.sim.tasks.catalog import TASKS, find_task, make_operator, make_task
from hlm.sim.tasks.cola_placement.operator import ColaOperator
from hlm.sim.tasks.shelf_cup_transfer.operator import ShelfCupOperator

OPERATORS = {"shelf_cup_transfer": ShelfCupOperator, "cola_placement": ColaOperator}


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_its_name_stages_and_operator(name):
    task = make_task(name, UNITREE_G1)
    assert task.name == name
    assert task.robot.embodiment is UNITREE_G1
    assert len(set(task.stages)) == len(task.stages) > 0
    assert task.time_limit_s > 0.0
    instance = task.reset(1)
    assert instance.instruction in instance.candidates
    assert isinstance(make_operator(task, np.random.default_rng(0)), OPERATORS[name])


def test_an_unknown_task_is_named_with_the_nearest():
    for look_up in (find_task, lambda name: make_task(name, UNITREE_G1)):
        with pytest.raises(UnknownNameError, match=r"no task 'shelf_cup'\..* Did you mean 'shelf_cup_transfer'\?"):
            look_up("shelf_cup")


def test_the_names_are_known_without_the_simulator():
    code = "import sys, hlm.sim.tasks.catalog; assert not {'mujoco', 'pinocchio', 'numpy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
