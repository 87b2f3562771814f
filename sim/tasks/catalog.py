"""The tasks by name.

The package of a task offers `stages.make_task(embodiment)` and `operator.make_operator(task, rng)`; both are imported
when they are called, so that the names are known without MuJoCo.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING

from hlm.core.errors import UnknownNameError

if TYPE_CHECKING:
    import numpy as np

    from hlm.control.operator import Operator
    from hlm.core.embodiment import Embodiment
    from hlm.sim.tasks.simulated_task import SimulatedTask

TASKS: dict[str, str] = {
    "shelf_cup_transfer": "hlm.sim.tasks.shelf_cup_transfer",
    "cola_placement": "hlm.sim.tasks.cola_placement",
}


def find_task(name: str) -> str:
    """The package of a task.

    Raises:
        UnknownNameError: no task has this name.
    """
    if name not in TASKS:
        raise UnknownNameError("task", name, TASKS)
    return TASKS[name]


def make_task(name: str, embodiment: Embodiment) -> SimulatedTask:
    """The task in a new world with this robot.

    Raises:
        UnknownNameError: no task has this name.
    """
    task: SimulatedTask = resolve_name(f"{find_task(name)}.stages:make_task")(embodiment)
    return task


def make_operator(task: SimulatedTask, rng: np.random.Generator) -> Operator:
    """The scripted operator of a task, which draws its variation from the generator.

    Args:
        task: a task made by `make_task`; reset it before the operator.
        rng: source of the variation.

    Raises:
        UnknownNameError: no task has the name of this one.
    """
    operator: Operator = resolve_name(f"{find_task(task.name)}.operator:make_operator")(task, rng)
    return operator
