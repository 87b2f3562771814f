"""Recording episodes of a station into a dataset, step by step, while they happen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from hlm.core.errors import HlmError
from hlm.core.task import Progress, Task, TaskInstance
from hlm.datasets.schema import EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter, EpisodeWriter
from hlm.runtime.station import ScoredStep, Station, episode

# Of `hlm.datasets.schema.SOURCES`.
POLICY = "policy"
# In `EpisodeInfo.extra`: name of the tracker that the body followed references with.
TRACKER = "tracker"


class Tracking(NamedTuple):
    """How references are tracked, as far as datasets tell.

    Attributes:
        preview_s: see `hlm.runtime.station.Station`.
        tracker: see there.
    """

    preview_s: float | None
    tracker: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedEpisode:
    """What became of one recording.

    Attributes:
        seed: of the scene; None without a simulated one.
        instruction: what was to be done.
        steps: how many.
        progress: at the end; None without a task.
        fault: why the body stopped following references; empty when it did not.
        takeovers: how often another one than at the start came into command.
    """

    seed: int | None
    instruction: str
    steps: int
    progress: Progress | None
    fault: str = ""
    takeovers: int = 0

    @property
    def success(self) -> bool:
        """Whether the task was done; False without one."""
        return self.progress is not None and self.progress.success and not self.fault


def record(
    station: Station,
    writer: DatasetWriter,
    instances: Iterable[TaskInstance],
    source: str,
    operator: str,
    on_step: Callable[[ScoredStep], None] = lambda _: None,
) -> Iterator[RecordedEpisode]:
    """Record one episode for each instance, yielding after each.

    A failed demonstration is recorded as a failure, one without a task as unlabelled. When the caller or the machine
    stops in the middle, finished episodes stay and the open one remains recoverable. An episode of a policy ends a
    second after its success, because a policy never says that it is done.

    Args:
        station: what to record on, entered.
        writer: of the dataset.
        instances: what each episode is about; the next is asked for when its episode is about to start, so that a
            generator may draw the scene then.
        source: type of the reference source, one of `hlm.datasets.schema.SOURCES`.
        operator: who or what gave the references.
        on_step: called after each step was handed to the writer.
    """
    for instance in instances:
        tracking = Tracking(station.preview_s, station.tracker)
        recording = writer.episode(episode_info(station.task, instance, source, operator, tracking))
        progress: Progress | None = None
        try:
            for scored in episode(station, instance, until_success=source == POLICY):
                recording.append(recorded_step(scored, station.task))
                progress = scored.progress
                on_step(scored)
        except HlmError as error:
            _keep(recording, progress, str(error))
            raise
        finished = RecordedEpisode(
            seed=instance.seed,
            instruction=instance.instruction,
            steps=len(recording),
            progress=progress,
            fault=station.body.status.fault,
            takeovers=recording.takeovers,
        )
        _keep(recording, progress, finished.fault)
        yield finished


def episode_info(
    task: Task | None, instance: TaskInstance, source: str, operator: str, tracking: Tracking
) -> EpisodeInfo:
    """The description of an episode before it has happened; see `record`."""
    return EpisodeInfo(
        instruction=instance.instruction,
        source=source,
        task="" if task is None else task.name,
        seed=instance.seed,
        operator=operator,
        candidates=instance.candidates,
        candidate=instance.candidate,
        scene=instance.seed if instance.scene is None else instance.scene,
        stages=() if task is None else task.stages,
        preview_s=tracking.preview_s,
        extra={TRACKER: tracking.tracker} if tracking.tracker else {},
    )


def recorded_step(scored: ScoredStep, task: Task | None) -> Step:
    """What is recorded of a step that was just scored."""
    observation = scored.step.observation
    return Step(
        stamp_ns=observation.stamp_ns,
        state=observation.state,
        action=scored.step.reference.vector,
        images={name: frame.image for name, frame in observation.frames.items()},
        age_s=scored.step.age_s,
        privileged={} if task is None else task.privileged(),
        in_command=scored.in_command,
    )


def _keep(recording: EpisodeWriter, progress: Progress | None, fault: str) -> None:
    """Commit what there is; an episode without steps leaves nothing behind."""
    if not len(recording):
        recording.discard()
    elif fault:
        stage = None if progress is None else progress.stage
        recording.commit(outcome="failure", stage=stage, fault=fault)
    elif progress is None:
        recording.commit()
    else:
        outcome = "success" if progress.success else "failure"
        recording.commit(outcome=outcome, stage=progress.stage)
