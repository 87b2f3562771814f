"""A pick-and-place scene: robot, objects and mat in a world of their own, drawn at random."""

from __future__ import annotations

from collections.abc import Callable

import mujoco
import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.sim.free_body import FreeBody
from hlm.sim.hand import SimulatedHand
from hlm.sim.pick_and_place.layout import PickAndPlaceLayout
from hlm.sim.robot import SimulatedRobot
from hlm.sim.start_pose import sampled_start_pose_rad, stand_on_floor
from hlm.sim.world import World

# The mat lies this far above its support, so that the two surfaces do not coincide.
_MAT_OFFSET_M = 0.001


class PickAndPlaceScene:
    """A world with a robot, objects and a mat.

    Args:
        model: compiled model with the robot, the objects of the layout, and the mat as the only mocap body.
        embodiment: the embodiment that the robot of the model was built from.
        layout: the objects and the mat.
        sample_start: draws [3] x (m), y (m) and yaw (rad) of the midpoint between the ankles at the start.
    """

    def __init__(
        self,
        model: mujoco.MjModel,
        embodiment: Embodiment,
        layout: PickAndPlaceLayout,
        sample_start: Callable[[np.random.Generator], FloatArray],
    ) -> None:
        self.layout = layout
        self.world = World(model)
        self.robot = SimulatedRobot(self.world, embodiment)
        self.hand = SimulatedHand(self.world, "right")
        self.objects = tuple(FreeBody(self.world, name) for name in layout.object_names)
        self._sample_start = sample_start

    def sample(self, rng: np.random.Generator) -> None:
        """Reset the world and draw objects, mat and robot."""
        self.world.reset()
        self._sample_objects(rng)
        x_m, y_m = rng.uniform(*self.layout.mat_area_m)
        self.world.data.mocap_pos[0] = [x_m, y_m, self.layout.mat_support_m + _MAT_OFFSET_M]
        start = self._sample_start(rng)
        joints_rad = sampled_start_pose_rad(self.robot.embodiment, rng)
        stand_on_floor(self.world, self.robot, joints_rad, start)
        self.world.forward()

    def _sample_objects(self, rng: np.random.Generator) -> None:
        layout = self.layout
        while True:
            spots = rng.uniform(*layout.object_area_m, size=(len(self.objects), 2))
            if np.diff(np.sort(spots[:, 1])).min() > layout.object_spacing_m:
                break
        for body, spot in zip(self.objects, spots, strict=True):
            center_m = np.array([*spot, layout.object_support_m + layout.object_half_height_m])
            body.place(center_m, float(rng.uniform(-np.pi, np.pi)))

    @property
    def mat_position_m(self) -> FloatArray:
        """[3] centre of the mat in the world."""
        return np.array(self.world.data.mocap_pos[0])
