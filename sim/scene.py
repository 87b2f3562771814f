"""The start of every scene: physics and rendering options, a lit floor, and the robot."""

from __future__ import annotations

import mujoco

from hlm.core.embodiment import Embodiment
from hlm.sim.cameras import set_rendering_options
from hlm.sim.objects import add_floor
from hlm.sim.robot_model import add_robot
from hlm.sim.world import set_physics_options

# Largest image that can be rendered, px.
MAX_IMAGE_HEIGHT, MAX_IMAGE_WIDTH = 480, 640


def floor_with_robot(embodiment: Embodiment) -> mujoco.MjSpec:
    """A specification with options, floor, lights and the robot, to which a task adds its furniture and objects."""
    spec = mujoco.MjSpec()
    set_physics_options(spec)
    set_rendering_options(spec, MAX_IMAGE_HEIGHT, MAX_IMAGE_WIDTH)
    add_floor(spec)
    add_robot(spec, embodiment)
    return spec
