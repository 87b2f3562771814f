"""A hand as a task observes it: its true pose, and what its fingers touch."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.sim.free_body import FreeBody
from hlm.sim.world import World


class SimulatedHand:
    """A gripper in a world; for scoring, privileged quantities and scripted operators, never for control.

    Args:
        world: a world whose model was built with `hlm.sim.robot_model.add_robot`.
        side: "left" or "right".
    """

    def __init__(self, world: World, side: str) -> None:
        self._data = world.data
        self._grip = int(world.model.site(f"{side}_grip").id)
        self.fingers = tuple(int(world.model.geom(f"{side}_finger_{name}").id) for name in ("left", "right"))

    @property
    def pose_world_from_grip(self) -> FloatArray:
        """[4, 4] true pose of the grip point."""
        pose = np.eye(4)
        pose[:3, 3] = self._data.site_xpos[self._grip]
        pose[:3, :3] = self._data.site_xmat[self._grip].reshape(3, 3)
        return pose

    def touches(self, body: FreeBody) -> bool:
        """Whether a finger touches the body."""
        return bool(body.touching(self.fingers))

    def grasps(self, body: FreeBody) -> bool:
        """Whether both fingers touch the body."""
        return len(body.touching(self.fingers)) == len(self.fingers)

    def points_in_grip_m(self, points_in_world_m: FloatArray) -> FloatArray:
        """[..., 3] world points in the frame of the grip."""
        pose = self.pose_world_from_grip
        points_m: FloatArray = (points_in_world_m - pose[:3, 3]) @ pose[:3, :3]
        return points_m
