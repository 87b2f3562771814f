"""The feasible motion of a linear inverted pendulum nearest to a noisy centre of mass.

A reference stream is kinematic and noisy: no zero-moment point (ZMP) under the feet need move its centre of mass as it
shows. The fit finds the initial state and the ZMPs of a pendulum that could (linear inverted pendulum with piecewise
constant ZMP, Kajita et al. 2003).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from hlm.control.checks import require_positive
from hlm.control.interpolation import smoothstep
from hlm.core.arrays import BoolArray, FloatArray

MIN_COM_HEIGHT_M = 0.25  # of the centre of mass above the soles, in all pendulums
_MEAN_REACH = 5  # a running mean is taken over this many instants to either side


@dataclass(frozen=True, kw_only=True, slots=True)
class PendulumConfig:
    """Standard deviations of the pendulum fit.

    Attributes:
        com_sigma_m: reference's centre of mass around the fitted one.
        zmp_single_support_sigma_m: ZMP around the centre of the stance foot.
        zmp_double_support_sigma_m: ZMP around its path from one foot to the next.
        zmp_standing_sigma_m: ZMP around the mean of the centre of mass while standing.
        max_double_support_s: longest double support that is part of walking; a longer one is standing.
        arrival_position_sigma_m: first position of the window around the fit before.
        arrival_velocity_sigma_m_s: first velocity of the window around the fit before.
    """

    com_sigma_m: float = 0.02
    zmp_single_support_sigma_m: float = 0.012
    zmp_double_support_sigma_m: float = 0.03
    zmp_standing_sigma_m: float = 0.08
    max_double_support_s: float = 0.4
    arrival_position_sigma_m: float = 0.01
    arrival_velocity_sigma_m_s: float = 0.05

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)


class PendulumMotion(NamedTuple):
    """A fitted motion on the time grid.

    Attributes:
        com_position_m: [time, 2].
        com_velocity_m_s: [time, 2].
        zmp_m: [time, 2] ZMP from each instant to the next; the last one is repeated.
    """

    com_position_m: FloatArray
    com_velocity_m_s: FloatArray
    zmp_m: FloatArray


def pendulum_maps(frequency_rad_s: float, dt_s: float, count: int) -> tuple[FloatArray, FloatArray]:
    """[time, 1 + count] position and velocity as linear maps of (initial position, initial velocity, ZMPs).

    The ZMP p is constant between instants: x'' = frequency^2 (x - p).
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


def expected_zmp(
    com_position_m: FloatArray,
    sole_position_m: FloatArray,
    contacts: BoolArray,
    dt_s: float,
    config: PendulumConfig,
) -> tuple[FloatArray, FloatArray]:
    """Prior of the ZMP: where contacts suggest that it lies, and how closely.

    Single support: under the stance foot. Double support between two swings: on a smooth path from one foot to the
    other. Standing: at the running mean of the centre of mass.

    Args:
        com_position_m: [time, 2] centre of mass.
        sole_position_m: [time, foot, 2] sole centres.
        contacts: [time, foot] whether each foot is in contact.
        dt_s: time between instants.
        config: standard deviations.

    Returns:
        [time, 2] ZMPs and [time] standard deviations, m.
    """
    zmp_m = _running_mean(com_position_m)
    sigma_m = np.full(len(zmp_m), config.zmp_standing_sigma_m)
    double_support = contacts.all(axis=1)
    if double_support.all():
        return zmp_m, sigma_m
    single_support = np.flatnonzero(~double_support)
    stance_foot = np.where(contacts[:, 0], 0, 1)
    zmp_m[single_support] = sole_position_m[single_support, stance_foot[single_support]]
    sigma_m[single_support] = config.zmp_single_support_sigma_m
    for before, after in pairwise(single_support):
        between = np.arange(before + 1, after)
        if 0 < len(between) <= config.max_double_support_s / dt_s:
            shifted = smoothstep((between - before)[:, None] / (after - before))
            start_m = sole_position_m[between, stance_foot[before]]
            end_m = sole_position_m[between, stance_foot[after]]
            zmp_m[between] = (1.0 - shifted) * start_m + shifted * end_m
            sigma_m[between] = config.zmp_double_support_sigma_m
    return zmp_m, sigma_m


def fit_pendulum(
    com_position_m: FloatArray,
    zmp_m: FloatArray,
    zmp_sigma_m: FloatArray,
    arrival: FloatArray | None,
    maps: tuple[FloatArray, FloatArray],
    config: PendulumConfig,
) -> PendulumMotion:
    """The pendulum motion of least weighted squares.

    Args:
        com_position_m: [time, 2] centre of mass of the reference.
        zmp_m: [time - 1, 2] prior of the ZMP.
        zmp_sigma_m: [time - 1] standard deviation of that prior.
        arrival: [2, 2] position (m) and velocity (m/s) at the first instant from the fit before; None at the start.
        maps: `pendulum_maps` for the same number of instants.
        config: standard deviations.
    """
    position, velocity = maps
    com_weight = 1.0 / config.com_sigma_m**2
    zmp_weight = 1.0 / zmp_sigma_m**2
    normal = com_weight * (position.T @ position)
    right = com_weight * (position.T @ com_position_m)
    diagonal = np.einsum("ii->i", normal)
    diagonal[2:] += zmp_weight
    right[2:] += zmp_weight[:, None] * zmp_m
    if arrival is not None:
        arrival_weight = np.array(
            [1.0 / config.arrival_position_sigma_m**2, 1.0 / config.arrival_velocity_sigma_m_s**2]
        )
        diagonal[:2] += arrival_weight
        right[:2] += arrival_weight[:, None] * arrival
    unknowns = np.linalg.solve(normal, right)
    fitted_zmp_m = unknowns[2:]
    return PendulumMotion(position @ unknowns, velocity @ unknowns, np.concatenate([fitted_zmp_m, fitted_zmp_m[-1:]]))


def _running_mean(values: FloatArray) -> FloatArray:
    """[time, ...] mean over `_MEAN_REACH` to either side, the ends held.

    SciPy's `uniform_filter1d` computes the same, no faster and with other rounding, which recorded rollouts would show.
    """
    padded = np.concatenate([values[:1].repeat(_MEAN_REACH, 0), values, values[-1:].repeat(_MEAN_REACH, 0)])
    total = np.concatenate([np.zeros((1, *values.shape[1:])), padded.cumsum(axis=0)])
    width = 2 * _MEAN_REACH + 1
    mean: FloatArray = (total[width:] - total[:-width]) / width
    return mean
