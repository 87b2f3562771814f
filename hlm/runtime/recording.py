"""Recording episodes of a station into a dataset, row by row, while they happen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from hlm.core.errors import HlmError
from hlm.core.task import Progress, TaskInstance
from hlm.datasets.schema import EpisodeInfo, Step
from hlm.datasets.writer import DatasetWriter, EpisodeWriter
from hlm.runtime.station import ScoredRow, Station, episode


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedEpisode:
    """What became of one recording.

    Attributes:
        seed: of the scene.
        instruction: what was to be done.
        rows: how many.
        progress: at the end.
    """

    seed: int
    instruction: str
    rows: int
    progress: Progress


def record(
    station: Station,
    writer: DatasetWriter,
    seeds: Iterable[int],
    source: str,
    operator: str,
    on_row: Callable[[ScoredRow], None] = lambda _: None,
) -> Iterator[RecordedEpisode]:
    """Record one episode for each seed, yielding after each.

    A failed demonstration is recorded as a failure. When the caller or the machine stops in the middle, finished
    episodes stay and the open one remains recoverable.

    Args:
        station: the task and who does it.
        writer: of the dataset.
        seeds: of the scenes.
        source: kind of source, one of `hlm.datasets.schema.SOURCES`.
        operator: who or what gave the references.
        on_row: called after each row was handed to the writer.
    """
    for seed in seeds:
        instance = station.task.reset(seed)
        recording = writer.episode(_info(station, instance, source, operator))
        progress = Progress()
        try:
            for scored in episode(station, instance):
                recording.append(_row(scored, station))
                progress = scored.progress
                on_row(scored)
        except HlmError:
            _keep(recording, progress)
            raise
        rows = len(recording)
        _keep(recording, progress)
        yield RecordedEpisode(seed=seed, instruction=instance.instruction, rows=rows, progress=progress)


def _info(station: Station, instance: TaskInstance, source: str, operator: str) -> EpisodeInfo:
    return EpisodeInfo(
        instruction=instance.instruction,
        source=source,
        task=station.task.name,
        seed=instance.seed,
        operator=operator,
        candidates=instance.candidates,
        candidate=instance.candidate,
        scene=instance.seed if instance.scene is None else instance.scene,
        stages=station.task.stages,
    )


def _row(scored: ScoredRow, station: Station) -> Step:
    observation = scored.row.observation
    return Step(
        stamp_ns=observation.stamp_ns,
        state=observation.state,
        action=scored.row.reference.vector,
        images={name: frame.image for name, frame in observation.frames.items()},
        age_s=scored.row.age_s,
        privileged=station.task.privileged(),
    )


def _keep(recording: EpisodeWriter, progress: Progress) -> None:
    """Commit what there is; an episode without rows leaves nothing behind."""
    if len(recording):
        recording.commit(outcome="success" if progress.success else "failure", stage=progress.stage)
    else:
        recording.discard()
