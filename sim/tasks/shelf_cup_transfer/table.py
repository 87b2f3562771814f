"""Names, wording, dimensions and limits of the shelf cup transfer."""

from __future__ import annotations

from hlm.sim.pick_and_place.layout import PickAndPlaceLayout

NAME = "shelf_cup_transfer"
STAGES = ("reach", "grasp", "lift", "raise", "place")
TIME_LIMIT_S = 20.0

LOW_SHELF_M, HIGH_SHELF_M = 0.48, 0.82
CUP_RADIUS_M, CUP_HALF_HEIGHT_M, CUP_MASS_KG = 0.033, 0.06, 0.25

# x points ahead and y to the left; the origin of the world lies a little behind the feet.
LAYOUT = PickAndPlaceLayout(
    object_names=("red", "blue"),
    instruction="put the {} cup on the high shelf",
    object_half_height_m=CUP_HALF_HEIGHT_M,
    object_support_m=LOW_SHELF_M,
    object_area_m=((0.34, -0.36), (0.40, -0.14)),
    object_spacing_m=0.125,
    mat_support_m=HIGH_SHELF_M,
    mat_half_size_m=0.07,
    mat_area_m=((0.35, -0.01), (0.40, 0.06)),
)
# x (m), y (m) and yaw (rad) of the midpoint between the ankles.
START = (0.04, 0.0, 0.0)
