"""What a body moves by itself when it does not follow references: it comes to rest, and it crouches."""

from __future__ import annotations

import numpy as np

from hlm.control.interpolation import smoothstep
from hlm.control.model import BodyModel
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S, STEP_HZ
from hlm.core.layout import ROOT_YAW_RATE
from hlm.core.proprioception import measured_state
from hlm.core.values import Reference, RobotState
from hlm.runtime.safety.descent import Descent
from hlm.runtime.safety.reference_limits import ReferenceLimits

# References that stopped longer ago are at rest: the tracker has held the last one.
_FRESH_S = 0.1
_COAST_S = 0.25
# After the last reference of a descent: the tracker's preview, and a moment to come to rest.
_SETTLE_S = 0.5


class OwnMotion:
    """References of the body's own, which continue those that it has followed.

    Args:
        model: the robot.
    """

    def __init__(self, model: BodyModel) -> None:
        self._model = model
        self._limits = ReferenceLimits(model.embodiment)
        self._descent: Descent | None = None
        self._sinks = False

    def reset(self, state: RobotState) -> None:
        """Start from a measured pose, at rest."""
        vector = measured_state(state, None)[0].copy()
        vector[ROOT_YAW_RATE] = 0.0
        self._last = Reference(state.stamp_ns, vector)
        self._begun_ns = self._pushed_ns = state.stamp_ns
        self._speed_per_s: FloatArray = np.zeros_like(vector)
        self._rest = self._last
        self._descent, self._sinks = None, False

    def follow(self, reference: Reference) -> None:
        """Note a reference that is followed."""
        apart_s = (reference.stamp_ns - self._last.stamp_ns) / NS_PER_S
        moved = reference.vector - self._last.vector
        self._speed_per_s = moved / apart_s if 0.0 < apart_s <= _FRESH_S else np.zeros_like(moved)
        self._last = reference

    def hold(self, now_ns: int) -> None:
        """Bring what was followed to rest."""
        if (now_ns - self._last.stamp_ns) / NS_PER_S > _FRESH_S:
            self._speed_per_s = np.zeros_like(self._speed_per_s)
        self._speed_per_s[ROOT_YAW_RATE] = 0.0
        self._rest, self._descent, self._sinks = self._last, None, False
        self._begun_ns = now_ns

    def crouch(self, now_ns: int) -> None:
        """Begin to sink."""
        self._descent, self._sinks = None, True
        self._begun_ns = now_ns

    def crouched(self, now_ns: int) -> bool:
        """Whether a descent has come to rest."""
        in_s = (now_ns - self._begun_ns) / NS_PER_S
        return self._descent is not None and in_s >= self._descent.duration_s + _SETTLE_S

    def reference(self, state: RobotState, now_ns: int) -> Reference | None:
        """The next reference, if one is due.

        Args:
            state: the newest measurement.
            now_ns: instant that it is for.
        """
        since_s = (now_ns - self._pushed_ns) / NS_PER_S
        if since_s < 1.0 / STEP_HZ:
            return None
        in_s = (now_ns - self._begun_ns) / NS_PER_S
        if not self._sinks and in_s > _COAST_S + 1.0 / STEP_HZ:
            return None
        wanted = self._sinking(in_s, state) if self._sinks else self._coasting(in_s)
        vector = self._limits.limited(wanted, self._last.vector, min(since_s, 2.0 / STEP_HZ))
        self._pushed_ns = now_ns
        self._last = Reference(max(now_ns, self._last.stamp_ns + 1), vector)
        return self._last

    def _sinking(self, in_s: float, state: RobotState) -> FloatArray:
        """[34] the next of a descent, which is planned here, where the caller takes exceptions for faults."""
        if self._descent is None:
            self._descent = Descent(self._model, self._last.vector)
        return self._descent.at(in_s, state.joint_position_rad)

    def _coasting(self, in_s: float) -> FloatArray:
        """[34] the last reference that was followed, carried on ever more slowly."""
        share = min(in_s / _COAST_S, 1.0)
        vector: FloatArray = self._rest.vector + self._speed_per_s * _COAST_S * (share - share**3 + 0.5 * share**4)
        vector[ROOT_YAW_RATE] *= 1.0 - smoothstep(share)
        return vector
