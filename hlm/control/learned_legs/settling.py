"""Settling: when a policy that has walked stops, and when its legs can be taken back."""

from __future__ import annotations

import numpy as np

from hlm.control.learned_legs.config import SwitchConfig
from hlm.control.learned_legs.poise import Poise
from hlm.core.arrays import FloatArray


class Settling:
    """From the reference's last step to a body that stands still at its place.

    Args:
        config: times and distances.

    Attributes:
        stopped: whether the policy should stand.
    """

    def __init__(self, config: SwitchConfig) -> None:
        self._config = config
        self.restart(stopped=False)

    def restart(self, *, stopped: bool) -> None:
        """Start again.

        Args:
            stopped: whether the policy should stand from the start, as after a push.
        """
        self.stopped = self._catches = stopped
        self._quiet_s = self._settling_s = self._calm_s = self._caught_s = 0.0

    @property
    def reference_stands(self) -> bool:
        """Whether the reference has stood for long enough."""
        return self._quiet_s >= self._config.quiet_s

    @property
    def done(self) -> bool:
        """Whether the body has stood still for long enough."""
        return self._calm_s > self._config.calm_s

    def walk(self, dt_s: float, poise: Poise) -> None:
        """The reference walks; a body that is being caught stands until its mass comes to rest over its soles.

        Args:
            dt_s: time since the last call.
            poise: how the body stands.
        """
        self._catch(dt_s, poise)
        if not self._catches:
            self.restart(stopped=False)

    def stand(self, dt_s: float, error: FloatArray, poise: Poise) -> None:
        """The reference stands.

        Args:
            dt_s: time since the last call.
            error: [3] distance to its place (m, m) and heading (rad).
            poise: how the body stands.
        """
        config = self._config
        self._catch(dt_s, poise)
        self._quiet_s += dt_s
        if not self.reference_stands:
            return
        self._settling_s += dt_s
        distance = max(float(np.hypot(error[0], error[1])) / config.near_m, abs(float(error[2])) / config.near_rad)
        if distance < 1.0 or self._settling_s > config.max_settling_s:
            self.stopped = True
        elif distance > config.far and poise.steady:
            self.stopped = False
        # A noisy moment takes back twice its time, not everything.
        calm = self.stopped and poise.steady
        self._calm_s = max(self._calm_s + (dt_s if calm else -2.0 * dt_s), 0.0)

    def _catch(self, dt_s: float, poise: Poise) -> None:
        """Catch until the capture point is over the soles, once the policy's commands count alone, or too long."""
        config = self._config
        self._caught_s += dt_s
        caught = poise.outside_m <= 0.0 and self._caught_s > config.blend_s
        self._catches = self._catches and not caught and self._caught_s < config.max_catch_s
