"""A rope from which a robot hangs, as from the crane of a laboratory."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray

HOOK_M: FloatArray = np.array([0.035, 0.0, 0.35])
"""Where it is tied, in the torso: between the shoulders, above the centre of mass of a G1 that stands."""
_STIFFNESS_N_M = 8000.0
_DAMPING_N_S_M = 800.0
_SWING_N_S_M = 60.0
_LENGTH_M = 1.5
_ABOVE_M = 0.12
_WINCH_M_S = 0.05


class Rope:
    """Pulls the hook up to below where it is tied; it never pushes down, and the robot swings like a pendulum.

    Args:
        hook_m: [3] hook in the world at the start; the rope lifts it by a hand's breadth.
    """

    def __init__(self, hook_m: FloatArray) -> None:
        self._tied_m = hook_m + np.array([0.0, 0.0, _ABOVE_M])
        self._last_m = hook_m
        self._lowered_m = 0.0

    def pull(self, hook_m: FloatArray, dt_s: float, lowered_m: float) -> FloatArray:
        """[3] force on the hook in the world, N.

        Args:
            hook_m: [3] hook.
            dt_s: since the last call, > 0.
            lowered_m: how far the rope is to be let down, which takes its time.
        """
        self._lowered_m += min(max(lowered_m - self._lowered_m, -_WINCH_M_S * dt_s), _WINCH_M_S * dt_s)
        velocity = (hook_m - self._last_m) / dt_s
        self._last_m = hook_m
        stretch_m = self._tied_m[2] - self._lowered_m - hook_m[2]
        lift = max(0.0, _STIFFNESS_N_M * stretch_m - _DAMPING_N_S_M * velocity[2]) if stretch_m > 0.0 else 0.0
        if not lift:
            return np.zeros(3)
        aside = lift / _LENGTH_M * (self._tied_m - hook_m)[:2] - _SWING_N_S_M * velocity[:2]
        return np.array([*aside, lift])
