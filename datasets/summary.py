"""Summary of a dataset: the figures behind `hlm data info`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hlm.core.files import storage_errors
from hlm.datasets.command import commanders
from hlm.datasets.reader import Dataset, Episode
from hlm.datasets.schema import OUTCOMES, DatasetSpec
from hlm.datasets.store.naming import numbered_episodes


@dataclass(frozen=True, kw_only=True, slots=True)
class EpisodeSummary:
    """Summary of an episode.

    Attributes:
        number: number of the episode.
        task: name of the task; empty without one.
        instruction: instruction that was given.
        source: source of the references.
        outcome: success, failure or unlabelled.
        stage: number of task stages reached; None without stages.
        steps: number of steps.
        duration_s: number of steps divided by the rate.
        cameras: cameras of the episode.
        recovered: whether the episode was recovered from an interrupted recording.
        preview_s: how long after its stamp an action is tracked nominally; None when unknown.
        size_bytes: size on disk.
        in_command: who came into command one after the other; empty when the episode does not say.
    """

    number: int
    task: str
    instruction: str
    source: str
    outcome: str
    stage: int | None
    steps: int
    duration_s: float
    cameras: tuple[str, ...]
    recovered: bool
    preview_s: float | None
    size_bytes: int
    in_command: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Summary of the episodes of one task from one source.

    Attributes:
        task: name of the task; empty without one.
        source: source of the references.
        episodes: number of episodes.
        duration_s: total duration.
        outcomes: number of episodes with each outcome.
    """

    task: str
    source: str
    episodes: int
    duration_s: float
    outcomes: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetSummary:
    """Summary of a dataset.

    Attributes:
        path: folder of the dataset.
        spec: specification of the dataset.
        episodes: summary of each episode, by number.
        unfinished: number of partial episodes: being recorded, or left by an interrupted recording.
    """

    path: Path
    spec: DatasetSpec
    episodes: tuple[EpisodeSummary, ...]
    unfinished: int

    @property
    def steps(self) -> int:
        """Number of steps of all episodes."""
        return sum(episode.steps for episode in self.episodes)

    @property
    def duration_s(self) -> float:
        """Duration of all episodes."""
        return self.steps / self.spec.rate_hz

    @property
    def size_bytes(self) -> int:
        """Size of all episodes on disk."""
        return sum(episode.size_bytes for episode in self.episodes)

    @property
    def groups(self) -> tuple[Group, ...]:
        """Summaries by task and source, sorted by both."""
        members: dict[tuple[str, str], list[EpisodeSummary]] = {}
        for episode in self.episodes:
            members.setdefault((episode.task, episode.source), []).append(episode)
        return tuple(_group(*key, episodes) for key, episodes in sorted(members.items()))

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Number of episodes with each outcome, most frequent first."""
        return _counts(episode.outcome for episode in self.episodes)

    @property
    def instructions(self) -> Mapping[str, int]:
        """Number of episodes with each instruction, most frequent first."""
        return _counts(episode.instruction for episode in self.episodes)

    @property
    def previews_s(self) -> Mapping[float | None, int]:
        """Number of episodes with each preview, most frequent first; see `EpisodeSummary.preview_s`."""
        return _counts(episode.preview_s for episode in self.episodes)

    @property
    def takeovers(self) -> Mapping[str, int]:
        """Number of episodes that each one took over in, most frequent first."""
        return _counts(name for one in self.episodes for name in {*one.in_command[1:]} - {*one.in_command[:1]})


def summarize(dataset: Dataset) -> DatasetSummary:
    """Summarize a dataset, without reading any array."""
    with storage_errors("read", dataset.path):
        return DatasetSummary(
            path=dataset.path,
            spec=dataset.spec,
            episodes=tuple(_line(episode, dataset.spec) for episode in dataset.episodes),
            unfinished=len(numbered_episodes(dataset.path, partial=True)),
        )


def _line(episode: Episode, spec: DatasetSpec) -> EpisodeSummary:
    return EpisodeSummary(
        number=episode.number,
        task=episode.info.task,
        instruction=episode.info.instruction,
        source=episode.info.source,
        outcome=episode.info.outcome,
        stage=episode.info.stage,
        steps=len(episode),
        duration_s=len(episode) / spec.rate_hz,
        cameras=episode.cameras,
        recovered=bool(episode.attributes.get("recovered", False)),
        preview_s=episode.info.preview_s,
        size_bytes=_size(str(episode.path)),
        in_command=commanders(episode.info),
    )


def _group(task: str, source: str, episodes: Sequence[EpisodeSummary]) -> Group:
    found = Counter(episode.outcome for episode in episodes)
    return Group(
        task=task,
        source=source,
        episodes=len(episodes),
        duration_s=sum(episode.duration_s for episode in episodes),
        outcomes={outcome: found[outcome] for outcome in OUTCOMES},
    )


def _size(folder: str) -> int:
    """Size of the files in a folder, bytes. With pathlib, this takes three times as long for thousands of files."""
    with os.scandir(folder) as entries:
        return sum(_size(one.path) if one.is_dir(follow_symlinks=False) else one.stat().st_size for one in entries)


def _counts[Value: Hashable](values: Iterable[Value]) -> Mapping[Value, int]:
    return dict(Counter(values).most_common())
