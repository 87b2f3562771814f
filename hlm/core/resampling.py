"""References on any time grid, with their velocities: by their stamps, never by their number.

Between two references stands the cubic through the four nearest ones, so that positions and velocities of everything
up to cubics are exact: of a sine of 1 Hz at 30 Hz the positions are within 0.01 % and the velocities within 0.2 % of
its amplitude. Grippers and the yaw rate are interpolated linearly: an overshoot would open or close a gripper further
than anybody asked, and the integral of the rate would no longer be that of the references.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.errors import InputError, MismatchError
from hlm.core.layout import DIMENSIONS, GRIPPERS, ROOT_YAW_RATE

type Stamps = npt.NDArray[np.int64]

_SMOOTH = np.array([column for column in range(DIMENSIONS) if column not in (*GRIPPERS, ROOT_YAW_RATE)])
_KNOTS = 4
# A cubic says nothing of what happened in a gap: its slopes come from outside.
_GAP = 2.5
_KEPT = 16


class Resampled(NamedTuple):
    """References at other instants.

    Attributes:
        vector: [time, 34] see `hlm.core.layout`.
        velocity: [time, 34] derivative of each dimension, per second; 0 before the first reference and after the last.
    """

    vector: FloatArray
    velocity: FloatArray


def resample(stamp_ns: Stamps, vector: FloatArray, at_ns: Stamps) -> Resampled:
    """References at other instants: cubic between them, held before the first and after the last.

    Where the time between two references is more than 2.5 times that to one of their neighbours, it is a gap: there it
    is linear.

    Args:
        stamp_ns: [reference > 0] instants, increasing, ns.
        vector: [reference, 34] see `hlm.core.layout`.
        at_ns: [time] instants in any order, ns.

    Raises:
        MismatchError: shapes that do not fit.
        InputError: stamps that do not increase.
    """
    knots = np.asarray(vector, dtype=np.float64)
    stamps, instants = np.asarray(stamp_ns, dtype=np.int64), np.asarray(at_ns, dtype=np.int64)
    if stamps.ndim != 1 or not len(stamps) or knots.shape != (len(stamps), DIMENSIONS):
        raise MismatchError(f"{list(knots.shape)} references do not fit to {list(stamps.shape)} stamps.")
    if np.any(np.diff(stamps) <= 0):
        raise InputError("the stamps of references must increase.")
    if len(stamps) == 1:
        return Resampled(np.repeat(knots, len(instants), axis=0), np.zeros((len(instants), DIMENSIONS)))
    outside = (instants < stamps[0]) | (instants > stamps[-1])
    inside = np.clip(instants, stamps[0], stamps[-1])
    piece = np.clip(np.searchsorted(stamps, inside, side="right") - 1, 0, len(stamps) - 2)
    result, velocity = _linear(stamps, knots, inside, piece)
    if len(stamps) >= _KNOTS:
        cubic = np.flatnonzero(~_in_gap(stamps, piece))
        smooth = _cubic(stamps, knots, inside[cubic], piece[cubic])
        result[cubic[:, None], _SMOOTH] = smooth.vector[:, _SMOOTH]
        velocity[cubic[:, None], _SMOOTH] = smooth.velocity[:, _SMOOTH]
    velocity[outside] = 0.0
    return Resampled(result, velocity)


def headings(stamp_ns: Stamps, yaw_rate_rad_s: FloatArray, at_ns: Stamps) -> FloatArray:
    """[time] yaw at `at_ns` by the yaw rates of references, rad, 0 at the first one.

    It is the exact integral of the rates between references, so it is the same on every grid and drifts on none. Before
    the first reference and after the last it is held.

    Args:
        stamp_ns: [reference > 0] instants, increasing, ns.
        yaw_rate_rad_s: [reference] rates.
        at_ns: [time] instants, ns.
    """
    time_s = (stamp_ns - stamp_ns[0]) / NS_PER_S
    at_s = np.clip((at_ns - stamp_ns[0]) / NS_PER_S, 0.0, time_s[-1])
    if len(time_s) == 1:
        return np.zeros(len(at_s))
    steps_rad = 0.5 * np.diff(time_s) * (yaw_rate_rad_s[1:] + yaw_rate_rad_s[:-1])
    at_knots_rad = np.concatenate([[0.0], np.cumsum(steps_rad)])
    piece = np.clip(np.searchsorted(time_s, at_s, side="right") - 1, 0, len(time_s) - 2)
    since_s = at_s - time_s[piece]
    slope = np.diff(yaw_rate_rad_s) / np.diff(time_s)
    heading: FloatArray = at_knots_rad[piece] + since_s * (yaw_rate_rad_s[piece] + 0.5 * since_s * slope[piece])
    return heading


class StreamResampler:
    """References as they come, at any instant: `resample` of the newest ones.

    At instants `latency_s` ago it gives what `resample` gives for all references, those of the future included, as long
    as references come on time: each piece needs the two references after its start. Later than that it makes do with
    those that are there, and after the newest one it holds.

    Args:
        period_s: nominal time between references, > 0.
        delay_s: how long after its stamp a reference comes at most.
    """

    def __init__(self, period_s: float, delay_s: float = 0.0) -> None:
        self.latency_s = 2.0 * period_s + delay_s
        self._stamps: deque[int] = deque(maxlen=_KEPT)
        self._vectors: deque[FloatArray] = deque(maxlen=_KEPT)

    def start(self, stamp_ns: int, vector: FloatArray) -> None:
        """Forget everything, and begin with a [34] reference."""
        self._stamps.clear()
        self._vectors.clear()
        self.push(stamp_ns, vector)

    def push(self, stamp_ns: int, vector: FloatArray) -> None:
        """Add the next [34] reference.

        Raises:
            InputError: it is not newer than the last one.
        """
        if self._stamps and stamp_ns <= self._stamps[-1]:
            raise InputError(f"references must come in order: {stamp_ns} ns after {self._stamps[-1]} ns.")
        self._stamps.append(stamp_ns)
        self._vectors.append(np.array(vector, dtype=np.float64))

    def at(self, instant_ns: int) -> tuple[FloatArray, FloatArray]:
        """[34] vector and [34] velocity at an instant, at least as old as the oldest reference that is kept (16).

        Raises:
            InputError: it was not started.
        """
        if not self._stamps:
            raise InputError("a stream of references must be started first.")
        instants = np.array([instant_ns])
        result = resample(np.array(self._stamps), np.array(self._vectors), instants)
        return result.vector[0], result.velocity[0]


def _linear(
    stamps: Stamps, knots: FloatArray, at_ns: Stamps, piece: npt.NDArray[np.intp]
) -> tuple[FloatArray, FloatArray]:
    slope = np.diff(knots, axis=0) / (np.diff(stamps)[:, None] / NS_PER_S)
    since_s = (at_ns - stamps[piece])[:, None] / NS_PER_S
    return knots[piece] + since_s * slope[piece], slope[piece]


def _in_gap(stamps: Stamps, piece: npt.NDArray[np.intp]) -> npt.NDArray[np.bool_]:
    """Which pieces are much longer than another one that the cubic over them would rest on."""
    first = _first_knot(stamps, piece)
    lengths = np.diff(stamps)[first[:, None] + np.arange(_KNOTS - 1)]
    gap: npt.NDArray[np.bool_] = np.diff(stamps)[piece] > _GAP * lengths.min(axis=1)
    return gap


def _first_knot(stamps: Stamps, piece: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    return np.clip(piece - 1, 0, len(stamps) - _KNOTS)


def _cubic(stamps: Stamps, knots: FloatArray, at_ns: Stamps, piece: npt.NDArray[np.intp]) -> Resampled:
    """Lagrange's cubic through the four references around each instant, and its derivative."""
    window = _first_knot(stamps, piece)[:, None] + np.arange(_KNOTS)
    node_s = (stamps[window] - at_ns[:, None]) / NS_PER_S  # from the instant, so that large stamps cost no digits
    weight, slope = np.ones(node_s.shape), np.zeros(node_s.shape)
    for own in range(_KNOTS):
        others = [other for other in range(_KNOTS) if other != own]
        spans = np.prod(node_s[:, [own]] - node_s[:, others], axis=1)
        weight[:, own] = -np.prod(node_s[:, others], axis=1) / spans
        pairs = [(others[0], others[1]), (others[0], others[2]), (others[1], others[2])]
        slope[:, own] = sum(node_s[:, one] * node_s[:, two] for one, two in pairs) / spans
    values = knots[window]
    return Resampled(np.einsum("tk,tkd->td", weight, values), np.einsum("tk,tkd->td", slope, values))
