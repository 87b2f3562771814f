"""When a task makes no progress any more, so that somebody else is to take over."""

from __future__ import annotations

from collections.abc import Callable

from hlm.core.clock import NS_PER_S
from hlm.core.errors import InputError
from hlm.core.task import Task
from hlm.core.values import Observation


class Stall:
    """Says of one episode whether it has stalled; a `hlm.teleop.takeover.Wanted`.

    It has once the task has reached no new stage for a while, and has from then on, or until the next stage is reached.
    An episode that is lost already, or has succeeded, does not stall.

    Args:
        task: scores the episode; reset.
        patience_s: longest time to a new stage, > 0.
        ready: whether the one who takes over could begin now; until it can, nothing stalls.
        until_stage: whether it has stalled no more once a new stage is reached.

    Raises:
        InputError: the patience is not positive.
    """

    def __init__(
        self, task: Task, patience_s: float, ready: Callable[[], bool] = lambda: True, *, until_stage: bool = False
    ) -> None:
        if not patience_s > 0.0:
            raise InputError(f"the time after which an episode has stalled must be positive, got {patience_s:g} s.")
        self._task = task
        self._patience_ns = round(patience_s * NS_PER_S)
        self._ready = ready
        self._until_stage = until_stage
        self._stage = -1
        self._since_ns = 0
        self._stalled = False

    def __call__(self, observation: Observation) -> bool:
        """Whether the episode has stalled by the instant of this observation."""
        progress = self._task.update()
        if progress.stage != self._stage:
            self._stage, self._since_ns = progress.stage, observation.stamp_ns
            self._stalled = self._stalled and not self._until_stage
        lost = progress.fell or progress.wrong_object
        waited = observation.stamp_ns - self._since_ns >= self._patience_ns
        if waited and not (lost or self._stage == len(self._task.stages)):
            self._stalled = self._stalled or self._ready()
        return self._stalled
