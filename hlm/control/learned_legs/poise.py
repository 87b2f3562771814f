"""How a body stands: whether it can still be caught without a step, and whether it stands still."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hlm.control.learned_legs.config import SwitchConfig
from hlm.control.model import pendulum_frequency
from hlm.control.tracker.body_dynamics import BodyDynamics
from hlm.control.tracker.feet import Feet
from hlm.control.tracker.pendulum import MIN_COM_HEIGHT_M
from hlm.control.tracker.support_polygon import convex_hull, project_onto_polygon, scaled_polygon

_GROUNDED_M = 0.01


class Poise(NamedTuple):
    """How a body stands.

    Attributes:
        outside_m: distance of the capture point outside the soles' hull; 0 inside.
        steady: whether both soles are on the ground, the capture point is well inside, and the body slow.
    """

    outside_m: float
    steady: bool


def poise_of(body: BodyDynamics, feet: Feet, config: SwitchConfig) -> Poise:
    """The poise of a body at its present state.

    Args:
        body: updated for this tick.
        feet: its feet.
        config: what counts as steady.
    """
    height_m = float(body.com_position_m[2] - body.sole_position_m[:, 2].min())
    frequency_rad_s = pendulum_frequency(max(height_m, MIN_COM_HEIGHT_M))
    capture_m = body.com_position_m[:2] + body.com_velocity_m_s[:2] / frequency_rad_s
    hull_m = convex_hull(feet.corner_position_m[:, :, :2].reshape(-1, 2))
    outside_m = float(np.linalg.norm(capture_m - project_onto_polygon(hull_m, capture_m)))
    inner_m = scaled_polygon(hull_m, config.support_scale)
    inside = bool((project_onto_polygon(inner_m, capture_m) == capture_m).all())
    slow = float(np.linalg.norm(body.com_velocity_m_s)) < config.calm_speed_m_s
    grounded = float(feet.clearance_m.max()) < _GROUNDED_M
    return Poise(outside_m, inside and slow and grounded)
