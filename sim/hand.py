"""The right hand as a task sees it: where it truly is, and what its fingers touch."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.sim.objects import FreeObject
from hlm.sim.world import World


class RightHand:
    """The right gripper in a world; for scoring, labels and scripted operators, never for control.

    Args:
        world: a world whose model was made with `hlm.sim.robot_model.add_robot`.
    """

    def __init__(self, world: World) -> None:
        self._data = world.data
        self._grip = int(world.model.site("right_grip").id)
        self.fingers = tuple(int(world.model.geom(f"right_finger_{side}").id) for side in ("left", "right"))

    @property
    def pose_world_from_grip(self) -> FloatArray:
        """[4, 4] true pose of the grip point."""
        pose = np.eye(4)
        pose[:3, 3] = self._data.site_xpos[self._grip]
        pose[:3, :3] = self._data.site_xmat[self._grip].reshape(3, 3)
        return pose

    def touches(self, thing: FreeObject) -> bool:
        """Whether a finger touches it."""
        return bool(thing.touched_by(self.fingers))

    def holds(self, thing: FreeObject) -> bool:
        """Whether both fingers touch it."""
        return len(thing.touched_by(self.fingers)) == len(self.fingers)

    def seen_from(self, points_m: FloatArray) -> FloatArray:
        """[..., 3] points of the world in the frame of the grip."""
        pose = self.pose_world_from_grip
        seen: FloatArray = (points_m - pose[:3, 3]) @ pose[:3, :3]
        return seen
