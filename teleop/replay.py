"""Playing an episode's recorded actions again."""

from __future__ import annotations

from hlm.core.arrays import FloatArray
from hlm.core.errors import MismatchError
from hlm.core.layout import DIMENSIONS
from hlm.core.values import Observation, Reference


class ReplaySource:
    """Recorded actions as a reference source; implements `hlm.core.protocols.ReferenceSource`.

    Args:
        actions: [time, 34] one a row.
    """

    def __init__(self, actions: FloatArray) -> None:
        if actions.ndim != 2 or actions.shape[1] != DIMENSIONS or not len(actions):
            found = list(actions.shape)
            raise MismatchError(f"actions to replay must have shape [time > 0, {DIMENSIONS}], got {found}.")
        self._actions = actions
        self._row = 0

    def reset(self, observation: Observation) -> None:
        """Start from the first action."""
        del observation
        self._row = 0

    def reference(self, observation: Observation) -> Reference | None:
        """The next action; None after the last."""
        if self._row == len(self._actions):
            return None
        action = self._actions[self._row]
        self._row += 1
        return Reference(observation.stamp_ns, action)
