"""The scene of the shelf cup transfer: two shelves side by side, two cups on the low one, a mat on the high one."""

from __future__ import annotations

import mujoco
import numpy as np

from hlm.core.embodiment import Embodiment
from hlm.sim.objects import add_board, add_cylinder, add_mat
from hlm.sim.pick_and_place.scene import PickAndPlaceScene
from hlm.sim.robot_model import add_spectator
from hlm.sim.scene import floor_with_robot
from hlm.sim.tasks.shelf_cup_transfer.table import (
    CUP_HALF_HEIGHT_M,
    CUP_MASS_KG,
    CUP_RADIUS_M,
    HIGH_SHELF_M,
    LAYOUT,
    LOW_SHELF_M,
    START,
)


def make_scene(embodiment: Embodiment) -> PickAndPlaceScene:
    """A new world with the robot before the shelves."""
    return PickAndPlaceScene(_model(embodiment), embodiment, LAYOUT, lambda _: np.array(START))


def _model(embodiment: Embodiment) -> mujoco.MjModel:
    spec = floor_with_robot(embodiment)
    shelves = spec.worldbody.add_body(name="shelves")
    add_board(shelves, (0.43, -0.255, LOW_SHELF_M - 0.01), (0.15, 0.205, 0.01))
    add_board(shelves, (0.43, 0.07, HIGH_SHELF_M - 0.01), (0.15, 0.15, 0.01))
    for x_m, y_m, top_m in ((0.56, -0.44, LOW_SHELF_M), (0.56, -0.06, HIGH_SHELF_M), (0.56, 0.20, HIGH_SHELF_M)):
        add_board(shelves, (x_m, y_m, top_m / 2 - 0.01), (0.015, 0.015, top_m / 2 - 0.01))
    add_mat(spec, "mat", LAYOUT.mat_half_size_m)
    for cup in LAYOUT.object_names:
        add_cylinder(spec, cup, cup, (CUP_RADIUS_M, CUP_HALF_HEIGHT_M), CUP_MASS_KG)
    add_spectator(spec, position_m=(1.25, -1.5, 1.25), target_m=(0.15, -0.05, 0.62))
    return spec.compile()
