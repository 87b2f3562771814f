"""Things to grasp and to put things on."""

from __future__ import annotations

import mujoco
import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Vector3
from hlm.sim.robot_model import GRIP_FRICTION, OBJECT_BIT, WORLD_TOUCHES
from hlm.sim.world import World

COLORS: dict[str, tuple[float, float, float, float]] = {
    "red": (0.85, 0.10, 0.10, 1.0),
    "blue": (0.12, 0.22, 0.85, 1.0),
    "green": (0.10, 0.62, 0.24, 1.0),
    "wood": (0.72, 0.58, 0.42, 1.0),
    "floor": (0.56, 0.56, 0.53, 1.0),
}


def add_floor(spec: mujoco.MjSpec) -> None:
    """Add the ground and two lights."""
    spec.worldbody.add_geom(
        name="floor",
        type=mujoco.mjtGeom.mjGEOM_PLANE,
        size=[6, 6, 1],
        rgba=COLORS["floor"],
        contype=0,
        conaffinity=WORLD_TOUCHES,
    )
    for position, strength in (((0.3, 1.5, 3.0), 0.45), ((-0.5, -1.5, 3.0), 0.25)):
        spec.worldbody.add_light(
            pos=position,
            dir=-np.array(position),
            castshadow=strength > 0.4,
            diffuse=[strength] * 3,
            ambient=[0.15] * 3,
        )


def add_board(body: mujoco.MjsBody, center_m: Vector3, half_size_m: Vector3, color: str = "wood") -> None:
    """Add a solid board to furniture."""
    body.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        pos=center_m,
        size=half_size_m,
        rgba=COLORS[color],
        friction=GRIP_FRICTION,
        condim=4,
        contype=0,
        conaffinity=WORLD_TOUCHES,
    )


def add_mat(spec: mujoco.MjSpec, name: str, half_size_m: float) -> None:
    """Add a coloured square that shows where to put something; nothing touches it."""
    mat = spec.worldbody.add_body(name=name, mocap=True)
    mat.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[half_size_m, half_size_m, 0.0008],
        rgba=COLORS["green"],
        contype=0,
        conaffinity=0,
    )


def add_cylinder(spec: mujoco.MjSpec, name: str, color: str, size_m: tuple[float, float], mass_kg: float) -> None:
    """Add a free cylinder, a cup or a can; `size_m` is its radius and half height."""
    body = spec.worldbody.add_body(name=name)
    body.add_freejoint(name=name)
    body.add_geom(
        name=name,
        type=mujoco.mjtGeom.mjGEOM_CYLINDER,
        size=[*size_m, 0],
        rgba=COLORS[color],
        mass=mass_kg,
        friction=GRIP_FRICTION,
        condim=4,
        contype=OBJECT_BIT,
        conaffinity=WORLD_TOUCHES,
    )


class FreeObject:
    """A free body in a world, to place and to look at.

    Args:
        world: the world.
        name: of the body, its free joint and its geom.
    """

    def __init__(self, world: World, name: str) -> None:
        self.name = name
        self._data = world.data
        self._address = int(world.model.joint(name).qposadr[0])
        self._velocity = int(world.model.joint(name).dofadr[0])
        self._geom = int(world.model.geom(name).id)

    def place(self, position_m: FloatArray, yaw_rad: float) -> None:
        """Stand it upright at rest with its centre at [3] `position_m`."""
        pose = [*position_m, np.cos(yaw_rad / 2), 0.0, 0.0, np.sin(yaw_rad / 2)]
        self._data.qpos[self._address : self._address + 7] = pose
        self._data.qvel[self._velocity : self._velocity + 6] = 0.0

    @property
    def position_m(self) -> FloatArray:
        """[3] centre in the world."""
        return np.array(self._data.qpos[self._address : self._address + 3])

    @property
    def upright(self) -> float:
        """Cosine of the angle between its axis and the vertical."""
        _, x, y, _ = self._data.qpos[self._address + 3 : self._address + 7]
        return float(1.0 - 2.0 * (x * x + y * y))

    @property
    def speed_m_s(self) -> float:
        """Speed of its centre."""
        return float(np.linalg.norm(self._data.qvel[self._velocity : self._velocity + 3]))

    def touched_by(self, geoms: tuple[int, ...]) -> set[int]:
        """Those of `geoms` that touch it."""
        pairs = self._data.contact.geom
        mine = pairs[(pairs == self._geom).any(axis=1)]
        return set(mine.ravel().tolist()) & set(geoms)
