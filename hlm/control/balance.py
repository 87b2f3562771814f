"""Feedback that keeps the centre of mass over the feet, by the divergent component of motion.

The divergent component xi = c + c' / w of a pendulum of frequency w runs away from the zero-moment point; commanding
that point beyond it brings it back (Englsberger et al. 2015).
"""

from __future__ import annotations

import numpy as np

from hlm.control.config import BalanceConfig
from hlm.core.arrays import FloatArray


def convex_hull(points_m: FloatArray) -> FloatArray:
    """[corner, 2] convex hull of [point, 2] points, counter-clockwise (Andrew's monotone chain)."""
    ordered = sorted(points_m.tolist())

    def chain(points: list[list[float]]) -> list[tuple[float, float]]:
        hull: list[tuple[float, float]] = []
        for x, y in points:
            while len(hull) > 1:
                (x0, y0), (x1, y1) = hull[-2], hull[-1]
                if (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 1e-12:
                    break
                hull.pop()
            hull.append((x, y))
        return hull[:-1]

    return np.array(chain(ordered) + chain(ordered[::-1]))


def nearest_inside(polygon_m: FloatArray, point_m: FloatArray) -> FloatArray:
    """[2] point of a convex, counter-clockwise [corner, 2] polygon that is nearest to [2] `point_m`."""
    edge = np.empty_like(polygon_m)
    np.subtract(polygon_m[1:], polygon_m[:-1], out=edge[:-1])
    np.subtract(polygon_m[0], polygon_m[-1], out=edge[-1])
    offset = point_m - polygon_m
    if np.all(edge[:, 0] * offset[:, 1] >= edge[:, 1] * offset[:, 0]):
        return point_m
    share = np.clip((edge * offset).sum(axis=1) / np.maximum((edge * edge).sum(axis=1), 1e-12), 0.0, 1.0)
    nearest = polygon_m + share[:, None] * edge
    return nearest[np.argmin(((nearest - point_m) ** 2).sum(axis=1))]


def center_of_mass_acceleration(
    measured: tuple[FloatArray, FloatArray],
    wanted: tuple[FloatArray, FloatArray],
    feed_forward: tuple[FloatArray, float],
    frequency_rad_s: float,
    polygon_m: FloatArray,
    config: BalanceConfig,
) -> FloatArray:
    """[3] acceleration of the centre of mass that brings it to the wanted motion, m/s2.

    Args:
        measured: [3] position and velocity of the centre of mass.
        wanted: [3] position and velocity.
        feed_forward: [2] zero-moment point and vertical acceleration of the wanted motion.
        frequency_rad_s: of the pendulum, sqrt(gravity / height).
        polygon_m: [corner, 2] where the zero-moment point can be.
        config: gains.
    """
    position, velocity = measured
    wanted_position, wanted_velocity = wanted
    middle = polygon_m.mean(axis=0)
    inner = middle + config.support_margin * (polygon_m - middle)
    pressure = nearest_inside(inner, feed_forward[0])
    diverging = position[:2] + velocity[:2] / frequency_rad_s
    wanted_diverging = nearest_inside(inner, wanted_position[:2] + wanted_velocity[:2] / frequency_rad_s)
    gain = 1.0 + config.divergence_gain_per_s / frequency_rad_s
    commanded = nearest_inside(polygon_m, pressure + gain * (diverging - wanted_diverging))
    acceleration = np.empty(3)
    acceleration[:2] = frequency_rad_s**2 * (position[:2] - commanded)
    acceleration[2] = (
        config.height_stiffness_per_s2 * (wanted_position[2] - position[2])
        + config.height_damping_per_s * (wanted_velocity[2] - velocity[2])
        + feed_forward[1]
    )
    return acceleration
