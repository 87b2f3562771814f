"""A task with a body in it, and one episode on it, scored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from hlm.core.protocols import ReferenceSource
from hlm.core.task import Progress, Task, TaskInstance
from hlm.runtime.loop import ControlLoop, LoopRow, Rig

# After a success the world goes on for a while: what falls over then was no success.
AFTER_SUCCESS_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Station:
    """Everything that one process needs to run episodes of a task.

    Attributes:
        task: what is to be done.
        rig: the task's robot with cameras and tracker.
        make_source: who does it, made anew for each drawn scene.
    """

    task: Task
    rig: Rig
    make_source: Callable[[TaskInstance], ReferenceSource]


class ScoredRow(NamedTuple):
    """A row of an episode and how far the task had come when it was seen."""

    row: LoopRow
    progress: Progress


def episode(station: Station, instance: TaskInstance, *, until_success: bool = False) -> Iterator[ScoredRow]:
    """Run one episode of a scene that was just drawn, scoring every row.

    It ends when the source has finished, the robot fell, or the time limit of the task has passed.

    Args:
        station: what to run on; its task was reset to `instance`.
        instance: the scene.
        until_success: also end a second after the task has succeeded, as a policy never says that it is done.
    """
    loop = ControlLoop(station.rig)
    start_ns: int | None = None
    success_ns: int | None = None
    for row in loop.rows(station.make_source(instance), instance.instruction):
        now_ns = row.observation.stamp_ns
        start_ns = now_ns if start_ns is None else start_ns
        progress = station.task.update()
        yield ScoredRow(row, progress)
        if progress.success and success_ns is None:
            success_ns = now_ns
        settled = success_ns is not None and now_ns - success_ns >= AFTER_SUCCESS_S * 1e9
        out_of_time = now_ns - start_ns >= station.task.time_limit_s * 1e9
        if progress.fell or out_of_time or (until_success and settled):
            return
