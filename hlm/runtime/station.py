"""Stations: a body with cameras and a source of references; and one episode on a station, scored if it has a task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple, Self

from hlm.core.body import Body
from hlm.core.clock import NS_PER_S, Clock
from hlm.core.embodiment import Embodiment
from hlm.core.protocols import Cameras, ReferenceSource, SharedCommand
from hlm.core.task import Progress, Task, TaskInstance
from hlm.runtime.loop import ControlLoop, LoopConfig, LoopStep

# An episode goes on for a while after success, because what topples then was no success.
AFTER_SUCCESS_S = 1.0


@dataclass(kw_only=True, eq=False)
class Station:
    """Everything that one process needs to run episodes.

    A context manager: entering starts the cameras and connects the body; leaving, for whatever reason, makes the body
    safe first.

    Attributes:
        clock: of the session.
        body: what moves.
        cameras: the robot's.
        embodiment: the robot's table.
        make_source: makes the source of references for each episode.
        task: scores the episodes; None where a person labels them.
        preview_s: how long after its stamp a reference is tracked nominally; recorded. None when unknown.
        tracker: name of what tracks it; recorded. Empty when unknown.
    """

    clock: Clock
    body: Body
    cameras: Cameras
    embodiment: Embodiment
    make_source: Callable[[TaskInstance], ReferenceSource]
    task: Task | None = None
    preview_s: float | None = None
    tracker: str = ""
    _entered: ExitStack = field(default_factory=ExitStack, init=False, repr=False)

    def __enter__(self) -> Self:
        """Start the cameras and connect the body."""
        with ExitStack() as stack:
            stack.enter_context(self.cameras)
            stack.enter_context(self.body)
            self._entered = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Make the body safe and stop the cameras."""
        self._entered.__exit__(kind, error, trace)


class ScoredStep(NamedTuple):
    """A step of an episode.

    Attributes:
        step: what was seen and done.
        progress: how far the task had come when it was seen; None without a task.
        in_command: name of who gave the reference; empty where one source gives all of them.
    """

    step: LoopStep
    progress: Progress | None
    in_command: str = ""


def episode(
    station: Station, instance: TaskInstance, *, until_success: bool = False, config: LoopConfig | None = None
) -> Iterator[ScoredStep]:
    """Run one episode of a scene that was just drawn, scoring every step.

    It ends when the source ends it, the robot falls, the task's time is up, or the body stops following references:
    `station.body.status` then says why. Who takes over has the task's time anew.

    Args:
        station: what to run on, entered; its task was reset to `instance`.
        instance: what is to be done.
        until_success: also end a second after the task has succeeded, because a policy never says that it is done.
        config: timing of the loop.
    """
    loop = ControlLoop(station.clock, station.body, station.cameras, station.embodiment, config)
    end = _End(station.task, until_success=until_success)
    source = station.make_source(instance)
    for step in loop.steps(source, instance.instruction):
        progress = None if station.task is None else station.task.update()
        scored = ScoredStep(step, progress, source.in_command if isinstance(source, SharedCommand) else "")
        yield scored
        if end.reached(scored):
            return


class _End:
    """Decides when a task's episode is over; without a task only the source and the body end it."""

    def __init__(self, task: Task | None, *, until_success: bool) -> None:
        self._task = task
        self._until_success = until_success
        self._start_ns: int | None = None
        self._success_ns: int | None = None
        self._in_command = ""

    def reached(self, scored: ScoredStep) -> bool:
        """Whether the episode ends with this step."""
        now_ns, progress = scored.step.observation.stamp_ns, scored.progress
        if self._start_ns is None or scored.in_command != self._in_command:
            self._start_ns, self._in_command = now_ns, scored.in_command
        if self._task is None or progress is None:
            return False
        if progress.success and self._success_ns is None:
            self._success_ns = now_ns
        settled = self._success_ns is not None and now_ns - self._success_ns >= AFTER_SUCCESS_S * NS_PER_S
        out_of_time = now_ns - self._start_ns >= self._task.time_limit_s * NS_PER_S
        return progress.fell or out_of_time or (self._until_success and settled)
