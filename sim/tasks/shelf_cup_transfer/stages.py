"""Shelf cup transfer: squat to the low shelf, pick the cup named in the instruction, place it on the high shelf.

The low shelf is out of reach for a standing robot: it must squat and bend. Cups are held by friction alone.
"""

from __future__ import annotations

from hlm.core.embodiment import Embodiment
from hlm.sim.pick_and_place.task import PickAndPlaceTask
from hlm.sim.tasks.shelf_cup_transfer.scene import make_scene
from hlm.sim.tasks.shelf_cup_transfer.table import HIGH_SHELF_M, NAME, STAGES, TIME_LIMIT_S
from hlm.sim.tasks.simulated_task import SimulatedTask


class ShelfCupTransfer(PickAndPlaceTask):
    """Stages of the shelf cup transfer; "raise" is its own: the cup is held above the high shelf."""

    name: str = NAME
    stages: tuple[str, ...] = STAGES
    time_limit_s: float = TIME_LIMIT_S

    def _is_reached(self, stage: str) -> bool:
        if stage == "raise":
            return self.scene.hand.grasps(self.target) and self._bottom_m(self.target) > HIGH_SHELF_M
        return super()._is_reached(stage)


def make_task(embodiment: Embodiment) -> SimulatedTask:
    """The task in a new world with this robot."""
    return ShelfCupTransfer(make_scene(embodiment))
