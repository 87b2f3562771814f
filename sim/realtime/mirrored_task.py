"""Scores a world that another process runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hlm.core.arrays import FloatArray
from hlm.core.protocols import ReferenceSource
from hlm.core.task import Progress, TaskInstance
from hlm.core.values import Observation, Reference
from hlm.sim.realtime.mirror import Mirror
from hlm.sim.tasks.simulated_task import SimulatedTask


class MirroredTask:
    """A task whose world is a mirror; implements `hlm.core.task.Task` with the task's own code.

    Args:
        task: its world is a mirror.
        mirror: of its world.
        restart: begins the episode of a seed in the world that is mirrored; returns when it has begun.
    """

    def __init__(self, task: SimulatedTask, mirror: Mirror, restart: Callable[[int], None]) -> None:
        self.name, self.stages, self.time_limit_s = task.name, task.stages, task.time_limit_s
        self._task = task
        self._mirror = mirror
        self._restart = restart

    def reset(self, seed: int) -> TaskInstance:
        """Start a new episode; the same seed gives the same instance."""
        instance = self._task.reset(seed)
        self._restart(seed)
        self._mirror.refresh()
        return instance

    def update(self) -> Progress:
        """Evaluate the newest world."""
        self._mirror.refresh()
        return self._task.update()

    def privileged(self) -> Mapping[str, FloatArray]:
        """Privileged quantities of the world that was evaluated last."""
        return self._task.privileged()


class MirroredSource:
    """A source of references that looks at a mirror, such as a scripted operator.

    Args:
        source: the source.
        mirror: of the world that it looks at.
    """

    def __init__(self, source: ReferenceSource, mirror: Mirror) -> None:
        self._source = source
        self._mirror = mirror

    def reset(self, observation: Observation) -> None:
        """Start an episode from the current observation."""
        self._mirror.refresh()
        self._source.reset(observation)

    def reference(self, observation: Observation) -> Reference | None:
        """The reference for the current step; None ends the episode."""
        self._mirror.refresh()
        return self._source.reference(observation)
