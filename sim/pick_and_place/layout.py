"""The objects and the mat of a pick-and-place scene, and where they are drawn."""

from __future__ import annotations

from dataclasses import dataclass

type Area = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, kw_only=True, slots=True)
class PickAndPlaceLayout:
    """Objects, mat and instruction of a pick-and-place task.

    Areas are given by their corners of least and greatest x and y in the world, m.

    Attributes:
        object_names: names of the objects, which the instruction tells apart by them.
        instruction: instruction template; `{}` stands for the object name.
        object_half_height_m: half the height of each object.
        object_support_m: height of the surface that the objects stand on at the start.
        object_area_m: area in which the object centres are drawn.
        object_spacing_m: minimum distance between two objects in y.
        mat_support_m: height of the surface that the mat lies on.
        mat_half_size_m: half the side length of the mat.
        mat_area_m: area in which the mat centre is drawn.
    """

    object_names: tuple[str, ...]
    instruction: str
    object_half_height_m: float
    object_support_m: float
    object_area_m: Area
    object_spacing_m: float
    mat_support_m: float
    mat_half_size_m: float
    mat_area_m: Area

    @property
    def instructions(self) -> tuple[str, ...]:
        """The instruction for each object."""
        return tuple(self.instruction.format(name) for name in self.object_names)
