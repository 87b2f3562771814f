"""The furniture and objects of a simulated world as simple shapes, for drawing elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import mujoco
import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.rotations import quat_from_matrix
from hlm.sim.robot import SimulatedRobot
from hlm.sim.world import World

_KINDS: dict[int, Literal["box", "cylinder"]] = {
    int(mujoco.mjtGeom.mjGEOM_BOX): "box",
    int(mujoco.mjtGeom.mjGEOM_CYLINDER): "cylinder",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """A box or a cylinder along its z axis.

    Attributes:
        name: unique in its world.
        kind: which of them.
        size_m: edge lengths of the box; diameter, diameter and height of the cylinder.
        position_m: [3] centre in the world.
        quat_world_from_shape_wxyz: [4].
        rgb: [3] colour, 0 to 1.
        movable: whether it can be moved, or lies elsewhere in each scene: what hands go to.
    """

    name: str
    kind: Literal["box", "cylinder"]
    size_m: tuple[float, float, float]
    position_m: FloatArray
    quat_world_from_shape_wxyz: FloatArray
    rgb: tuple[float, float, float]
    movable: bool


def shapes_beside(world: World, robot: SimulatedRobot) -> list[Shape]:
    """Everything that is drawn of a world as boxes and cylinders, without the robot.

    Args:
        world: as it is now.
        robot: that stands in it.
    """
    model, data = world.model, world.data
    return [
        Shape(
            name=_name(model, geom),
            kind=_KINDS[int(model.geom_type[geom])],
            size_m=_size_m(model, geom),
            position_m=np.array(data.geom_xpos[geom]),
            quat_world_from_shape_wxyz=quat_from_matrix(data.geom_xmat[geom].reshape(3, 3)),
            rgb=_rgb(model, geom),
            movable=_movable(model, int(model.geom_bodyid[geom])),
        )
        for geom in range(model.ngeom)
        if int(model.geom_type[geom]) in _KINDS
        and int(model.body_rootid[model.geom_bodyid[geom]]) != robot.root_body
        and model.geom_rgba[geom, 3] > 0.0
    ]


def _name(model: mujoco.MjModel, geom: int) -> str:
    body = int(model.geom_bodyid[geom])
    return model.geom(geom).name or (model.body(body).name if _movable(model, body) else f"shape {geom}")


def _movable(model: mujoco.MjModel, body: int) -> bool:
    root = int(model.body_rootid[body])
    return bool(model.body_dofnum[root] > 0 or model.body_mocapid[root] >= 0)


def _size_m(model: mujoco.MjModel, geom: int) -> tuple[float, float, float]:
    first, second, third = (2.0 * float(half) for half in model.geom_size[geom])
    return (first, second, third) if _KINDS[int(model.geom_type[geom])] == "box" else (first, first, second)


def _rgb(model: mujoco.MjModel, geom: int) -> tuple[float, float, float]:
    material = int(model.geom_matid[geom])
    rgba = model.geom_rgba[geom] if material < 0 else model.mat_rgba[material]
    return float(rgba[0]), float(rgba[1]), float(rgba[2])
