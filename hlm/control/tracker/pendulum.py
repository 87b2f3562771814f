"""The motion of a linear inverted pendulum nearest to a noisy centre of mass.

A reference stream is kinematic and noisy: its centre of mass need not be one that any pressure under the feet could
move so. The fit finds start and zero-moment points of a pendulum whose motion could be it (Kajita et al. 2003, the
linear inverted pendulum with piecewise constant zero-moment point).
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from hlm.control.tracker.config import PendulumConfig
from hlm.core.arrays import BoolArray, FloatArray

_MEAN_STEPS = 5  # a mean is taken over this many instants to either side


class PendulumMotion(NamedTuple):
    """A fitted motion on the time grid.

    Attributes:
        position_m: [time, 2] centre of mass.
        velocity_m_s: [time, 2] its velocity.
        pressure_m: [time, 2] zero-moment point from each instant to the next; the last is the one before.
    """

    position_m: FloatArray
    velocity_m_s: FloatArray
    pressure_m: FloatArray


def pendulum_maps(frequency_rad_s: float, dt_s: float, count: int) -> tuple[FloatArray, FloatArray]:
    """[time, 1 + count] position and velocity as linear maps of (start position, start velocity, pressure points).

    The zero-moment point p is constant between instants: x'' = frequency^2 (x - p).
    """
    phase = frequency_rad_s * dt_s * np.arange(count)
    cosh, sinh = np.cosh(phase), np.sinh(phase)
    position = np.zeros((count, count + 1))
    velocity = np.zeros((count, count + 1))
    position[:, 0], position[:, 1] = cosh, sinh / frequency_rad_s
    velocity[:, 0], velocity[:, 1] = frequency_rad_s * sinh, cosh
    age = np.arange(count)[:, None] - np.arange(count - 1)[None, :]
    acts = age > 0
    age = np.where(acts, age, 1)
    position[:, 2:] = np.where(acts, cosh[age - 1] - cosh[age], 0.0)
    velocity[:, 2:] = np.where(acts, frequency_rad_s * (sinh[age - 1] - sinh[age]), 0.0)
    return position, velocity


def expected_pressure(
    center_of_mass_m: FloatArray,
    soles_m: FloatArray,
    standing: BoolArray,
    dt_s: float,
    config: PendulumConfig,
) -> tuple[FloatArray, FloatArray]:
    """Where the zero-moment point should be, and how far it may be from there.

    Under the foot that stands alone; between two such phases on a smooth way from one foot to the other; while both
    feet stand for long, at the mean of the centre of mass.

    Args:
        center_of_mass_m: [time, 2].
        soles_m: [time, foot, 2] sole centres.
        standing: [time, foot].
        dt_s: from one instant to the next.
        config: standard deviations.

    Returns:
        [time, 2] points and [time] standard deviations.
    """
    points = _running_mean(center_of_mass_m)
    sigma_m = np.full(len(points), config.pressure_standing_m)
    both = standing.all(axis=1)
    if both.all():
        return points, sigma_m
    alone = np.flatnonzero(~both)
    feet = np.where(standing[:, 0], 0, 1)
    points[alone] = soles_m[alone, feet[alone]]
    sigma_m[alone] = config.pressure_one_foot_m
    for last, first in pairwise(alone):
        shift = np.arange(last + 1, first)
        if 0 < len(shift) <= config.longest_shift_s / dt_s:
            share = (shift - last)[:, None] / (first - last)
            share = share * share * (3.0 - 2.0 * share)
            points[shift] = (1.0 - share) * soles_m[shift, feet[last]] + share * soles_m[shift, feet[first]]
            sigma_m[shift] = config.pressure_shifting_m
    return points, sigma_m


def fit_pendulum(
    center_of_mass_m: FloatArray,
    pressure_m: FloatArray,
    pressure_sigma_m: FloatArray,
    arrival: FloatArray | None,
    maps: tuple[FloatArray, FloatArray],
    config: PendulumConfig,
) -> PendulumMotion:
    """The pendulum motion of least weighted squares.

    Args:
        center_of_mass_m: [time, 2] what the reference shows.
        pressure_m: [time - 1, 2] where the zero-moment point is expected.
        pressure_sigma_m: [time - 1] standard deviation of that expectation.
        arrival: [2, 2] position (m) and velocity (m/s) at the first instant from the fit before; None at the start.
        maps: of `pendulum_maps` for the same number of instants.
        config: standard deviations.
    """
    position, velocity = maps
    by_com = 1.0 / config.center_of_mass_m**2
    by_pressure = 1.0 / pressure_sigma_m**2
    normal = by_com * (position.T @ position)
    right = by_com * (position.T @ center_of_mass_m)
    diagonal = np.einsum("ii->i", normal)
    diagonal[2:] += by_pressure
    right[2:] += by_pressure[:, None] * pressure_m
    if arrival is not None:
        by_arrival = np.array([1.0 / config.arrival_position_m**2, 1.0 / config.arrival_velocity_m_s**2])
        diagonal[:2] += by_arrival
        right[:2] += by_arrival[:, None] * arrival
    unknown = np.linalg.solve(normal, right)
    points = unknown[2:]
    return PendulumMotion(position @ unknown, velocity @ unknown, np.concatenate([points, points[-1:]]))


def _running_mean(values: FloatArray) -> FloatArray:
    """[time, ...] mean over `_MEAN_STEPS` to either side, the ends held."""
    padded = np.concatenate([values[:1].repeat(_MEAN_STEPS, 0), values, values[-1:].repeat(_MEAN_STEPS, 0)])
    total = np.concatenate([np.zeros((1, *values.shape[1:])), padded.cumsum(axis=0)])
    width = 2 * _MEAN_STEPS + 1
    mean: FloatArray = (total[width:] - total[:-width]) / width
    return mean
