"""How long a policy takes to answer, estimated from its latest answers."""

from __future__ import annotations

from dataclasses import dataclass

WINDOW = 16


@dataclass(frozen=True, slots=True)
class DelayEstimate:
    """The second longest of the latest delays: high enough for nearly all answers, and deaf to a single slow one.

    The slow one may be the first, which warms the policy up: an estimate that believed it would ask far too early.

    Attributes:
        latest: the newest delays, in steps of the control loop, oldest first.
    """

    latest: tuple[int, ...] = ()

    @property
    def steps(self) -> int:
        """The estimate; 0 while there was no answer."""
        if not self.latest:
            return 0
        return sorted(self.latest)[-2:][0]

    def with_answer(self, steps: int) -> DelayEstimate:
        """The estimate after another answer."""
        return DelayEstimate((*self.latest, steps)[-WINDOW:])
