"""The scene of the cola placement: a table some steps ahead, with two cans and a mat on it."""

from __future__ import annotations

import mujoco

from hlm.core.embodiment import Embodiment
from hlm.sim.objects import add_board, add_cylinder, add_mat
from hlm.sim.pick_and_place.scene import PickAndPlaceScene
from hlm.sim.robot_model import add_spectator
from hlm.sim.scene import floor_with_robot
from hlm.sim.tasks.cola_placement.table import (
    CAN_HALF_HEIGHT_M,
    CAN_MASS_KG,
    CAN_RADIUS_M,
    LAYOUT,
    START_AREA,
    TABLE_EDGE_M,
    TABLE_HALF_DEPTH_M,
    TABLE_HALF_WIDTH_M,
    TABLE_M,
)


def make_scene(embodiment: Embodiment) -> PickAndPlaceScene:
    """A new world with the robot some steps before the table."""
    return PickAndPlaceScene(_model(embodiment), embodiment, LAYOUT, lambda rng: rng.uniform(*START_AREA))


def _model(embodiment: Embodiment) -> mujoco.MjModel:
    spec = floor_with_robot(embodiment)
    table = spec.worldbody.add_body(name="table", pos=(TABLE_EDGE_M + TABLE_HALF_DEPTH_M, 0.0, 0.0))
    add_board(table, (0.0, 0.0, TABLE_M - 0.01), (TABLE_HALF_DEPTH_M, TABLE_HALF_WIDTH_M, 0.01))
    leg_m = TABLE_M / 2 - 0.01
    for x_m, y_m in ((-0.18, -0.48), (-0.18, 0.48), (0.18, -0.48), (0.18, 0.48)):
        add_board(table, (x_m, y_m, leg_m), (0.015, 0.015, leg_m))
    add_mat(spec, "mat", LAYOUT.mat_half_size_m)
    for can in LAYOUT.object_names:
        add_cylinder(spec, can, can, (CAN_RADIUS_M, CAN_HALF_HEIGHT_M), CAN_MASS_KG)
    add_spectator(spec, position_m=(0.95, -1.75, 1.35), target_m=(-0.05, -0.05, 0.68))
    return spec.compile()
