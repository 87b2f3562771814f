"""A free rigid body in a world."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.rotations import quat_from_yaw
from hlm.sim.world import World


class FreeBody:
    """A free body that can be placed and observed.

    Args:
        world: the world that contains the body.
        name: name of the body, of its free joint and of its geom.
    """

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self._data = world.data
        self._position = int(world.model.joint(name).qposadr[0])
        self._velocity = int(world.model.joint(name).dofadr[0])
        self._geom = int(world.model.geom(name).id)

    def place(self, position_m: FloatArray, yaw_rad: float) -> None:
        """Put it upright and at rest with its centre at [3] `position_m`."""
        self._data.qpos[self._position : self._position + 3] = position_m
        self._data.qpos[self._position + 3 : self._position + 7] = quat_from_yaw(yaw_rad)
        self._data.qvel[self._velocity : self._velocity + 6] = 0.0

    @property
    def position_m(self) -> FloatArray:
        """[3] centre in the world."""
        return np.array(self._data.qpos[self._position : self._position + 3])

    @property
    def uprightness(self) -> float:
        """Cosine of the angle between its z axis and the vertical."""
        _, x, y, _ = self._data.qpos[self._position + 3 : self._position + 7]
        return float(1.0 - 2.0 * (x * x + y * y))

    @property
    def speed_m_s(self) -> float:
        """Speed of its centre."""
        return float(np.linalg.norm(self._data.qvel[self._velocity : self._velocity + 3]))

    def touching(self, geoms: tuple[int, ...]) -> set[int]:
        """Those of `geoms`, given by MuJoCo id, that touch it."""
        pairs = self._data.contact.geom
        own = pairs[(pairs == self._geom).any(axis=1)]
        return set(own.ravel().tolist()) & set(geoms)
