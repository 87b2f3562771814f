"""Floor, furniture, mats and objects that scenes are built from."""

from __future__ import annotations

import mujoco
import numpy as np

from hlm.core.embodiment import Rgba, Vector3
from hlm.sim.robot_model import GRIP_FRICTION, OBJECT_BIT, WORLD_TOUCHES

COLORS: dict[str, Rgba] = {
    "red": (0.85, 0.10, 0.10, 1.0),
    "blue": (0.12, 0.22, 0.85, 1.0),
    "green": (0.10, 0.62, 0.24, 1.0),
    "wood": (0.72, 0.58, 0.42, 1.0),
    "floor": (0.56, 0.56, 0.53, 1.0),
}


def add_floor(spec: mujoco.MjSpec) -> None:
    """Add the floor and two lights."""
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
    """Add a solid board to a piece of furniture."""
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
    """Add a coloured square without collisions that marks a goal, as a mocap body."""
    mat = spec.worldbody.add_body(name=name, mocap=True)
    mat.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX,
        size=[half_size_m, half_size_m, 0.0008],
        rgba=COLORS["green"],
        contype=0,
        conaffinity=0,
    )


def add_cylinder(spec: mujoco.MjSpec, name: str, color: str, size_m: tuple[float, float], mass_kg: float) -> None:
    """Add a free cylinder such as a cup or a can; `size_m` is its radius and half height."""
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
