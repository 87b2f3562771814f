"""Replaying the recorded actions of an episode."""

from __future__ import annotations

from hlm.core.arrays import FloatArray
from hlm.core.errors import MismatchError
from hlm.core.layout import DIMENSIONS
from hlm.core.values import Observation, Reference


class ReplaySource:
    """Plays recorded actions, one per step; implements `hlm.core.protocols.ReferenceSource`.

    Args:
        actions: [time, 34] actions of an episode.

    Raises:
        MismatchError: the array is empty or has another shape.
    """

    def __init__(self, actions: FloatArray) -> None:
        if actions.ndim != 2 or actions.shape[1] != DIMENSIONS or not len(actions):
            found = list(actions.shape)
            raise MismatchError(f"actions to replay must have shape [time > 0, {DIMENSIONS}], got {found}.")
        self._actions = actions
        self._step = 0

    def reset(self, observation: Observation) -> None:
        """Start from the first action."""
        del observation
        self._step = 0

    def reference(self, observation: Observation) -> Reference | None:
        """The next action, due at the instant of the observation; None after the last action."""
        if self._step == len(self._actions):
            return None
        action = self._actions[self._step]
        self._step += 1
        return Reference(observation.stamp_ns, action)
