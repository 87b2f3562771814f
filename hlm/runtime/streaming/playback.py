"""Where a stream of frames should be: at its references, at rest, or on its way to a crouch."""

from __future__ import annotations

import math

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.embodiment import Embodiment
from hlm.core.layout import DIMENSIONS, GRIPPERS, LEFT_LEG, RIGHT_LEG, ROOT_YAW_RATE, pack
from hlm.core.resampling import StreamResampler
from hlm.core.values import Reference
from hlm.runtime.streaming.config import StreamingConfig


class ReferencePlayback:
    """Wanted vectors and their velocities at increasing instants.

    Args:
        embodiment: the robot's table.
        config: of the stream.
    """

    def __init__(self, embodiment: Embodiment, config: StreamingConfig) -> None:
        self._config = config
        self._resampler = StreamResampler(1.0 / config.reference_hz, config.delay_s)
        self._low = pack(embodiment.default_rad, np.ones(2), np.zeros(3))
        self._low[LEFT_LEG] = self._low[RIGHT_LEG] = config.crouch_leg_rad
        self._first_ns: int | None = None
        self._crouch: tuple[FloatArray, int, float] | None = None
        self._resting = False
        self.start(self._low)

    @property
    def latency_s(self) -> float:
        """How much older what is played is than the newest reference, on time."""
        return self._resampler.latency_s

    def start(self, vector: FloatArray) -> None:
        """Forget everything, and stay at a [34] vector until the first reference."""
        self._vector: FloatArray = np.array(vector, dtype=np.float64)
        self._vector[ROOT_YAW_RATE] = 0.0
        self._velocity: FloatArray = np.zeros(DIMENSIONS)
        self._offset: FloatArray = np.zeros(DIMENSIONS)
        self._first_ns, self._crouch, self._resting = None, None, False

    def push(self, reference: Reference) -> None:
        """Add the next reference.

        Raises:
            InputError: it is not newer than the last one.
        """
        if self._first_ns is None:
            self._resampler.start(reference.stamp_ns, reference.vector)
            self._first_ns, self._offset = reference.stamp_ns, self._vector - reference.vector
        else:
            self._resampler.push(reference.stamp_ns, reference.vector)

    def rest(self) -> None:
        """Follow nothing any more, and come to rest."""
        self._resting = True

    def crouch(self, start_ns: int, duration_s: float) -> None:
        """Follow nothing any more, and sink; the grippers keep what they hold."""
        self._resting = True
        self._crouch = (self._vector.copy(), start_ns, self._config.crouch_share * duration_s)

    def at(self, instant_ns: int, dt_s: float) -> tuple[FloatArray, FloatArray]:
        """[34] wanted vector and [34] velocity for an instant, `dt_s` after the one before."""
        if self._crouch is not None:
            self._vector, self._velocity = self._sunk(*self._crouch, instant_ns)
        elif self._resting:
            self._come_to_rest(dt_s)
        elif self._first_ns is not None:
            self._vector, self._velocity = self._followed(self._first_ns, instant_ns)
        return self._vector, self._velocity

    def moved(self, vector: FloatArray, velocity: FloatArray) -> None:
        """Take what was really played, after limits: rest and crouch begin there."""
        self._vector, self._velocity = vector.copy(), velocity.copy()

    def _followed(self, first_ns: int, instant_ns: int) -> tuple[FloatArray, FloatArray]:
        played_ns = instant_ns - round(self.latency_s * NS_PER_S)
        vector, velocity = self._resampler.at(played_ns)
        eased, speed = _eased((played_ns - first_ns) / NS_PER_S / self._config.ease_in_s)
        share, rate_per_s = 1.0 - eased, -speed / self._config.ease_in_s
        return vector + share * self._offset, velocity + rate_per_s * self._offset

    def _come_to_rest(self, dt_s: float) -> None:
        left = math.exp(-dt_s / self._config.rest_s)
        moving = [column for column in range(DIMENSIONS) if column not in (*GRIPPERS, ROOT_YAW_RATE)]
        self._vector, self._velocity = self._vector.copy(), left * self._velocity
        self._vector[moving] += self._config.rest_s * (1.0 / left - 1.0) * self._velocity[moving]
        self._vector[ROOT_YAW_RATE] = 0.0

    def _sunk(
        self, start: FloatArray, start_ns: int, duration_s: float, instant_ns: int
    ) -> tuple[FloatArray, FloatArray]:
        eased, speed = _eased((instant_ns - start_ns) / NS_PER_S / duration_s)
        goal = self._low.copy()
        goal[list(GRIPPERS)] = start[list(GRIPPERS)]
        way = goal - start
        vector = start + eased * way
        vector[ROOT_YAW_RATE] = 0.0
        return vector, speed / duration_s * way


def _eased(fraction: float) -> tuple[float, float]:
    """Travelled share from 0 to 1, at rest at both ends, and its derivative."""
    inside = min(max(fraction, 0.0), 1.0)
    return inside * inside * (3.0 - 2.0 * inside), 6.0 * inside * (1.0 - inside)
