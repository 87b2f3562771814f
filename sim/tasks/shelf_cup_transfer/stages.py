"""Shelf cup transfer: squat to a low shelf, pick the cup that the instruction names out of two, place it high.

The robot stands free before two shelves side by side. The low one is out of reach for a standing G1: it must squat
and bend. Grasping is friction alone. One step is scored after the other; taking the other cup is a failure.
"""

from __future__ import annotations

from functools import cache

import mujoco
import numpy as np

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.sim.cameras import rendering_options
from hlm.sim.objects import add_board, add_cylinder, add_floor, add_mat
from hlm.sim.robot_model import add_robot, add_spectator
from hlm.sim.start_pose import drawn_home_rad, stand_on_floor
from hlm.sim.tasks.pick_and_place import PickAndPlace, Pieces
from hlm.sim.world import physics_options

LOW_SHELF_M, HIGH_SHELF_M = 0.48, 0.82
CUP_RADIUS_M, CUP_HALF_HEIGHT_M, CUP_MASS_KG = 0.033, 0.06, 0.25
MAT_HALF_M = 0.07
CUPS = ("red", "blue")

# Where things are drawn in the world, whose origin lies a little behind the feet: x ahead, y to the left.
_CUP_AREA_M = ((0.34, -0.36), (0.40, -0.14))
_MAT_AREA_M = ((0.35, -0.01), (0.40, 0.06))
_CUP_SPACING_M = 0.125
_ANKLES = (0.04, 0.0, 0.0)


@cache
def _model() -> mujoco.MjModel:
    spec = mujoco.MjSpec()
    physics_options(spec)
    rendering_options(spec, 480, 640)
    add_floor(spec)
    add_robot(spec, UNITREE_G1)
    shelves = spec.worldbody.add_body(name="shelves")
    add_board(shelves, (0.43, -0.255, LOW_SHELF_M - 0.01), (0.15, 0.205, 0.01))
    add_board(shelves, (0.43, 0.07, HIGH_SHELF_M - 0.01), (0.15, 0.15, 0.01))
    for x, y, top in ((0.56, -0.44, LOW_SHELF_M), (0.56, -0.06, HIGH_SHELF_M), (0.56, 0.20, HIGH_SHELF_M)):
        add_board(shelves, (x, y, top / 2 - 0.01), (0.015, 0.015, top / 2 - 0.01))
    add_mat(spec, "mat", MAT_HALF_M)
    for cup in CUPS:
        add_cylinder(spec, cup, cup, (CUP_RADIUS_M, CUP_HALF_HEIGHT_M), CUP_MASS_KG)
    add_spectator(spec, position_m=(1.25, -1.5, 1.25), target_m=(0.15, -0.05, 0.62))
    return spec.compile()


class ShelfCupTransfer(PickAndPlace):
    """The task in a world of its own; implements `hlm.core.task.Task`."""

    name: str = "shelf_cup_transfer"
    stages: tuple[str, ...] = ("reach", "grasp", "lift", "raise", "place")
    time_limit_s: float = 20.0

    def __init__(self) -> None:
        pieces = Pieces(
            names=CUPS,
            instruction="put the {} cup on the high shelf",
            half_height_m=CUP_HALF_HEIGHT_M,
            support_m=LOW_SHELF_M,
            mat_support_m=HIGH_SHELF_M,
            mat_half_m=MAT_HALF_M,
            object_area_m=_CUP_AREA_M,
            spacing_m=_CUP_SPACING_M,
            mat_area_m=_MAT_AREA_M,
        )
        super().__init__(_model(), pieces)

    def _draw_robot(self, rng: np.random.Generator) -> None:
        stand_on_floor(self.world, self.robot, drawn_home_rad(rng), _ANKLES)

    def _reached(self, stage: str) -> bool:
        if stage == "raise":
            return self.hand.holds(self.target) and self._bottom_m(self.target) > HIGH_SHELF_M
        return super()._reached(stage)
