"""Feedback that keeps the centre of mass over the feet, by the divergent component of motion.

The divergent component xi = c + c' / w of a pendulum of frequency w runs away from the zero-moment point; commanding
that point beyond it brings it back (Englsberger et al. 2015).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from hlm.control.tracker.config import BalanceConfig
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


@dataclass(frozen=True, slots=True, eq=False)
class Balance:
    """Where the body falls and where it should fall, at one instant.

    Attributes:
        frequency_rad_s: of the pendulum, sqrt(gravity / height).
        polygon_m: [corner, 2] where the zero-moment point can be.
        diverging_m: [2] divergent component of the measured motion.
        wanted_m: [2] divergent component of the wanted motion.
        pressure_m: [2] zero-moment point of the wanted motion.
    """

    frequency_rad_s: float
    polygon_m: FloatArray
    diverging_m: FloatArray
    wanted_m: FloatArray
    pressure_m: FloatArray

    @property
    def error_m(self) -> FloatArray:
        """[2] how far the measured divergent component is from the wanted one."""
        return self.diverging_m - self.wanted_m

    def pressure(self, rate: float, config: BalanceConfig) -> FloatArray:
        """[2] zero-moment point that brings the body to the wanted motion.

        Args:
            rate: at which the wanted motion is played; 0 when it waits.
            config: gains.
        """
        feed_forward = self.diverging_m - rate * (self.wanted_m - self.pressure_m)
        return nearest_inside(
            self.polygon_m, feed_forward + config.divergence_gain_per_s / self.frequency_rad_s * self.error_m
        )

    def landing_error(self, remaining_s: float) -> FloatArray:
        """[2] error that is left at the landing when the zero-moment point does all it can until then."""
        growth = float(np.exp(self.frequency_rad_s * remaining_s))
        correction = self.error_m * growth / (growth - 1.0)
        possible = nearest_inside(self.polygon_m, self.pressure_m + correction) - self.pressure_m
        return (self.error_m - possible) * growth + possible


def balance_between(
    measured: tuple[FloatArray, FloatArray],
    wanted: tuple[FloatArray, FloatArray],
    pressure_m: FloatArray,
    frequency_rad_s: float,
    polygon_m: FloatArray,
    config: BalanceConfig,
) -> Balance:
    """The balance of a measured and a wanted motion; the wanted zero-moment point is kept inside the feet.

    Args:
        measured: [>= 2] position and velocity of the centre of mass.
        wanted: [>= 2] position and velocity.
        pressure_m: [2] zero-moment point of the wanted motion.
        frequency_rad_s: of the pendulum.
        polygon_m: [corner, 2] where the zero-moment point can be.
        config: margin.
    """
    diverging, wanted_diverging = (
        position[:2] + velocity[:2] / frequency_rad_s for position, velocity in (measured, wanted)
    )
    inner = _inner(polygon_m, config)
    return Balance(frequency_rad_s, polygon_m, diverging, wanted_diverging, nearest_inside(inner, pressure_m))


def resting(balance: Balance, config: BalanceConfig) -> Balance:
    """The balance of a body that stays on its feet: the wanted motion may not fall outside them."""
    return replace(balance, wanted_m=nearest_inside(_inner(balance.polygon_m, config), balance.wanted_m))


def catchable(balance: Balance, sole_m: FloatArray, outward: FloatArray, config: BalanceConfig) -> Balance:
    """The balance of a body on one foot: nothing could catch a wanted motion that falls to the foot's outside.

    Args:
        balance: as the reference has it.
        sole_m: [2] centre of the sole that carries the body.
        outward: [2] direction to its outside.
        config: how far outside is allowed.
    """
    falls_m = float(outward @ (balance.wanted_m - sole_m)) - config.reference_outside_m
    presses_m = float(outward @ (balance.pressure_m - sole_m)) - config.pressure_outside_m
    return replace(
        balance,
        wanted_m=balance.wanted_m - max(falls_m, 0.0) * outward,
        pressure_m=balance.pressure_m - max(presses_m, 0.0) * outward,
    )


def center_of_mass_acceleration(
    balance: Balance,
    rate: float,
    measured: tuple[FloatArray, FloatArray],
    wanted: tuple[FloatArray, FloatArray],
    height_m_s2: float,
    config: BalanceConfig,
) -> FloatArray:
    """[3] acceleration of the centre of mass that brings it to the wanted motion, m/s2.

    Args:
        balance: of the horizontal motion.
        rate: at which the wanted motion is played.
        measured: [3] position and velocity of the centre of mass.
        wanted: [3] position and velocity.
        height_m_s2: vertical acceleration of the wanted motion.
        config: gains.
    """
    position, velocity = measured
    acceleration = np.empty(3)
    acceleration[:2] = balance.frequency_rad_s**2 * (position[:2] - balance.pressure(rate, config))
    acceleration[2] = (
        config.height_stiffness_per_s2 * (wanted[0][2] - position[2])
        + config.height_damping_per_s * (wanted[1][2] - velocity[2])
        + height_m_s2
    )
    return acceleration


def _inner(polygon_m: FloatArray, config: BalanceConfig) -> FloatArray:
    """[corner, 2] the part of a polygon that references may use."""
    middle = polygon_m.mean(axis=0)
    inner: FloatArray = middle + config.support_margin * (polygon_m - middle)
    return inner
