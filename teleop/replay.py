"""Replaying the recorded actions of an episode."""

from __future__ import annotations

from hlm.core.arrays import FloatArray
from hlm.core.clock import STEP_HZ, slot_at
from hlm.core.errors import MismatchError
from hlm.core.layout import DIMENSIONS
from hlm.core.values import Observation, Reference


class ReplaySource:
    """Plays recorded actions by their due times; implements `hlm.core.protocols.ReferenceSource`.

    A step that is missed costs its action, and no later one.

    Args:
        actions: [time, 34] actions of an episode.
        rate_hz: actions per second.

    Raises:
        MismatchError: the array is empty or has another shape.
    """

    def __init__(self, actions: FloatArray, rate_hz: float = STEP_HZ) -> None:
        if actions.ndim != 2 or actions.shape[1] != DIMENSIONS or not len(actions):
            found = list(actions.shape)
            raise MismatchError(f"actions to replay must have shape [time > 0, {DIMENSIONS}], got {found}.")
        self._actions = actions
        self._rate_hz = rate_hz
        self._start_ns: int | None = None

    def reset(self, observation: Observation) -> None:
        """Start from the first action."""
        del observation
        self._start_ns = None

    def reference(self, observation: Observation) -> Reference | None:
        """The action that is due at the instant of the observation, at first the first one; None after the last."""
        now_ns = observation.stamp_ns
        self._start_ns = now_ns if self._start_ns is None else self._start_ns
        step = slot_at(self._start_ns, now_ns, self._rate_hz)
        if step >= len(self._actions):
            return None
        return Reference(now_ns, self._actions[step])
