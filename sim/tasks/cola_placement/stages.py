"""Cola placement: walk to the table, pick the can named in the instruction, place it on the mat.

Cans are held by friction alone.
"""

from __future__ import annotations

import numpy as np

from hlm.core.embodiment import Embodiment
from hlm.sim.pick_and_place.task import PickAndPlaceTask
from hlm.sim.tasks.cola_placement.scene import make_scene
from hlm.sim.tasks.cola_placement.table import (
    AT_TABLE_M,
    NAME,
    STAGES,
    TABLE_EDGE_M,
    TABLE_HALF_WIDTH_M,
    TIME_LIMIT_S,
)
from hlm.sim.tasks.simulated_task import SimulatedTask


class ColaPlacement(PickAndPlaceTask):
    """Stages of the cola placement; "walk" is its own: both feet are at the table."""

    name: str = NAME
    stages: tuple[str, ...] = STAGES
    time_limit_s: float = TIME_LIMIT_S

    def _is_reached(self, stage: str) -> bool:
        if stage == "walk":
            return all(
                TABLE_EDGE_M - x_m < AT_TABLE_M and abs(y_m) < TABLE_HALF_WIDTH_M for x_m, y_m in self._soles_m()
            )
        return super()._is_reached(stage)

    def _soles_m(self) -> list[tuple[float, float]]:
        """True x and y of the sole centres."""
        embodiment = self.robot.embodiment
        center_m = np.mean(embodiment.sole_corners_m, axis=0)
        feet = [self.world.data.body(link) for link in embodiment.sole_links]
        return [tuple((foot.xpos + foot.xmat.reshape(3, 3) @ center_m)[:2]) for foot in feet]


def make_task(embodiment: Embodiment) -> SimulatedTask:
    """The task in a new world with this robot."""
    return ColaPlacement(make_scene(embodiment))
