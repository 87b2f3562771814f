"""Cola placement: walk up to a table, pick the can that the instruction names out of two, put it on the mat there.

The robot stands free, too far from the table to reach anything on it, and faces it but for a few centimetres and
degrees. Grasping is friction alone. One step is scored after the other; taking the other can is a failure.
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

TABLE_M, TABLE_EDGE_M = 0.78, 0.26
CAN_RADIUS_M, CAN_HALF_HEIGHT_M, CAN_MASS_KG = 0.033, 0.058, 0.35
MAT_HALF_M = 0.07
CANS = ("red", "blue")
# A foot is at the table when its sole's middle is this near to the front edge: toes a quarter of a metre before it.
AT_TABLE_M = 0.33

# Where things are drawn in the world, whose origin is where the middle of the soles does well to stand:
# x ahead, y to the left; the start is that of the ankles.
_CAN_AREA_M = ((0.34, -0.315), (0.43, -0.10))
_MAT_AREA_M = ((0.35, 0.025), (0.42, 0.095))
_CAN_SPACING_M = 0.135
_START_AREA = ((-0.775, -0.05, -0.06), (-0.375, 0.05, 0.06))
_HALF_WIDTH_M, _HALF_DEPTH_M = 0.50, 0.20


@cache
def _model() -> mujoco.MjModel:
    spec = mujoco.MjSpec()
    physics_options(spec)
    rendering_options(spec, 480, 640)
    add_floor(spec)
    add_robot(spec, UNITREE_G1)
    table = spec.worldbody.add_body(name="table", pos=(TABLE_EDGE_M + _HALF_DEPTH_M, 0.0, 0.0))
    add_board(table, (0.0, 0.0, TABLE_M - 0.01), (_HALF_DEPTH_M, _HALF_WIDTH_M, 0.01))
    leg = TABLE_M / 2 - 0.01
    for x, y in ((-0.18, -0.48), (-0.18, 0.48), (0.18, -0.48), (0.18, 0.48)):
        add_board(table, (x, y, leg), (0.015, 0.015, leg))
    add_mat(spec, "mat", MAT_HALF_M)
    for can in CANS:
        add_cylinder(spec, can, can, (CAN_RADIUS_M, CAN_HALF_HEIGHT_M), CAN_MASS_KG)
    add_spectator(spec, position_m=(0.95, -1.75, 1.35), target_m=(-0.05, -0.05, 0.68))
    return spec.compile()


class ColaPlacement(PickAndPlace):
    """The task in a world of its own; implements `hlm.core.task.Task`."""

    name: str = "cola_placement"
    stages: tuple[str, ...] = ("walk", "reach", "grasp", "lift", "place")
    time_limit_s: float = 30.0

    def __init__(self) -> None:
        pieces = Pieces(
            names=CANS,
            instruction="put the {} can on the mat",
            half_height_m=CAN_HALF_HEIGHT_M,
            support_m=TABLE_M,
            mat_support_m=TABLE_M,
            mat_half_m=MAT_HALF_M,
            object_area_m=_CAN_AREA_M,
            spacing_m=_CAN_SPACING_M,
            mat_area_m=_MAT_AREA_M,
        )
        super().__init__(_model(), pieces)

    def _draw_robot(self, rng: np.random.Generator) -> None:
        start = rng.uniform(*_START_AREA)
        stand_on_floor(self.world, self.robot, drawn_home_rad(rng), tuple(start))

    def _reached(self, stage: str) -> bool:
        if stage == "walk":
            return all(TABLE_EDGE_M - x_m < AT_TABLE_M and abs(y_m) < _HALF_WIDTH_M for x_m, y_m in self._soles_m())
        return super()._reached(stage)

    def _soles_m(self) -> list[tuple[float, float]]:
        """True x and y of the soles' middles."""
        center = np.mean(UNITREE_G1.sole_corners_m, axis=0)
        feet = [self.world.data.body(link) for link in UNITREE_G1.sole_links]
        return [tuple((foot.xpos + foot.xmat.reshape(3, 3) @ center)[:2]) for foot in feet]
