"""A rope that holds the pelvis of a robot, as a crane in a laboratory does."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray

_STIFFNESS_N_M = 8000.0
_DAMPING_N_S_M = 800.0
_SWING_N_S_M = 60.0
_UPRIGHT_NM_RAD = 200.0
_ABOVE_M = 0.12


class Rope:
    """Pulls the pelvis up to where it is tied, and keeps it from swinging; it never pushes down.

    Args:
        position_m: [3] pelvis at the start; the rope lifts it by a hand's breadth.
    """

    def __init__(self, position_m: FloatArray) -> None:
        self._tied_m = position_m + np.array([0.0, 0.0, _ABOVE_M])
        self._last_m = position_m

    def pull(
        self, position_m: FloatArray, matrix: FloatArray, dt_s: float, lowered_m: float
    ) -> tuple[FloatArray, FloatArray]:
        """Force (N) and torque (Nm) on the pelvis in the world.

        Args:
            position_m: [3] pelvis.
            matrix: [3, 3] its axes in the world.
            dt_s: since the last call, > 0.
            lowered_m: how far the rope was let down.
        """
        velocity = (position_m - self._last_m) / dt_s
        self._last_m = position_m
        stretch_m = self._tied_m[2] - lowered_m - position_m[2]
        lift = max(0.0, _STIFFNESS_N_M * stretch_m - _DAMPING_N_S_M * velocity[2]) if stretch_m > 0.0 else 0.0
        if not lift:
            return np.zeros(3), np.zeros(3)
        force = np.array([-_SWING_N_S_M * velocity[0], -_SWING_N_S_M * velocity[1], lift])
        upright = _UPRIGHT_NM_RAD * np.cross(matrix[:, 2], [0.0, 0.0, 1.0])
        return force, upright
