"""Names, wording, dimensions and limits of the cola placement."""

from __future__ import annotations

from hlm.sim.pick_and_place.layout import PickAndPlaceLayout

NAME = "cola_placement"
STAGES = ("walk", "reach", "grasp", "lift", "place")
TIME_LIMIT_S = 30.0

TABLE_M = 0.78
TABLE_EDGE_M, TABLE_HALF_DEPTH_M, TABLE_HALF_WIDTH_M = 0.26, 0.20, 0.50
CAN_RADIUS_M, CAN_HALF_HEIGHT_M, CAN_MASS_KG = 0.033, 0.058, 0.35
# A foot is at the table when the centre of its sole is this close to the front edge: toes 0.25 m before the edge.
AT_TABLE_M = 0.33

# x points ahead and y to the left; the origin of the world is a good place to stand for the middle of the soles.
LAYOUT = PickAndPlaceLayout(
    object_names=("red", "blue"),
    instruction="put the {} can on the mat",
    object_half_height_m=CAN_HALF_HEIGHT_M,
    object_support_m=TABLE_M,
    object_area_m=((0.34, -0.315), (0.43, -0.10)),
    object_spacing_m=0.135,
    mat_support_m=TABLE_M,
    mat_half_size_m=0.07,
    mat_area_m=((0.35, 0.025), (0.42, 0.095)),
)
# Least and greatest x (m), y (m) and yaw (rad) of the midpoint between the ankles at the start: too far from the
# table to reach anything on it, facing it up to a few centimetres and degrees.
START_AREA = ((-0.775, -0.05, -0.06), (-0.375, 0.05, 0.06))
