"""The tasks by name, each with its scripted operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hlm.control.operator import Operator
from hlm.core.errors import MismatchError, UnknownNameError
from hlm.sim.tasks.cola_placement.operator import ColaOperator
from hlm.sim.tasks.cola_placement.stages import ColaPlacement
from hlm.sim.tasks.shelf_cup_transfer.operator import ShelfCupOperator
from hlm.sim.tasks.shelf_cup_transfer.stages import ShelfCupTransfer
from hlm.sim.tasks.simulated_task import SimulatedTask


@dataclass(frozen=True, slots=True)
class Entry:
    """A task and who can show it.

    Attributes:
        make_task: a new world with the task.
        make_operator: a scripted operator in that world; draws its variation from the generator.
    """

    make_task: Callable[[], SimulatedTask]
    make_operator: Callable[[SimulatedTask, np.random.Generator], Operator]


def _cola_operator(task: SimulatedTask, rng: np.random.Generator) -> Operator:
    return ColaOperator(_required(ColaPlacement, task), rng)


def _shelf_cup_operator(task: SimulatedTask, rng: np.random.Generator) -> Operator:
    return ShelfCupOperator(_required(ShelfCupTransfer, task), rng)


def _required[Kind: SimulatedTask](kind: type[Kind], task: SimulatedTask) -> Kind:
    if not isinstance(task, kind):
        raise MismatchError(f"this operator shows '{kind.name}', the task is '{task.name}'.")
    return task


TASKS: dict[str, Entry] = {
    ShelfCupTransfer.name: Entry(ShelfCupTransfer, _shelf_cup_operator),
    ColaPlacement.name: Entry(ColaPlacement, _cola_operator),
}


def find_task(name: str) -> Entry:
    """The task of this name.

    Raises:
        UnknownNameError: there is none; the text suggests the nearest.
    """
    if name not in TASKS:
        raise UnknownNameError("task", name, TASKS)
    return TASKS[name]
