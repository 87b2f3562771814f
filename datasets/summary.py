"""What a dataset contains, in figures: the data behind `hlm data info`."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hlm.core.files import storage_errors
from hlm.datasets.reader import Dataset, Episode
from hlm.datasets.schema import OUTCOMES, DatasetSpec
from hlm.datasets.store.naming import numbered_episodes


@dataclass(frozen=True, kw_only=True, slots=True)
class EpisodeSummary:
    """One line of the table.

    Attributes:
        number: of the episode.
        task: name of the task; empty where there is none.
        instruction: what was to be done.
        source: who gave the references.
        outcome: success, failure or unlabelled.
        stage: stages reached.
        steps: frames.
        duration_s: steps over rate.
        cameras: that the episode has.
        recovered: whether it was saved from a recording that nobody ended.
        size_bytes: on disk.
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
    size_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """What a dataset has of one task from one source.

    Attributes:
        task: name; empty where there is none.
        source: who gave the references.
        episodes: how many.
        duration_s: of all of them.
        outcomes: episodes by outcome; every outcome is there.
    """

    task: str
    source: str
    episodes: int
    duration_s: float
    outcomes: Mapping[str, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class DatasetSummary:
    """Totals and lines.

    Attributes:
        path: of the dataset.
        spec: what its episodes have in common.
        episodes: one line each, by number.
        unfinished: partial episodes that can be recovered, or are being recorded.
    """

    path: Path
    spec: DatasetSpec
    episodes: tuple[EpisodeSummary, ...]
    unfinished: int

    @property
    def steps(self) -> int:
        """Frames of all episodes."""
        return sum(episode.steps for episode in self.episodes)

    @property
    def duration_s(self) -> float:
        """Length of all episodes."""
        return self.steps / self.spec.rate_hz

    @property
    def size_bytes(self) -> int:
        """Of all episodes on disk."""
        return sum(episode.size_bytes for episode in self.episodes)

    @property
    def groups(self) -> tuple[Group, ...]:
        """Episodes by task and source, in this order."""
        members: dict[tuple[str, str], list[EpisodeSummary]] = {}
        for episode in self.episodes:
            members.setdefault((episode.task, episode.source), []).append(episode)
        return tuple(_group(*key, episodes) for key, episodes in sorted(members.items()))

    @property
    def outcomes(self) -> Mapping[str, int]:
        """Episodes by outcome, the most frequent first."""
        return _counts(episode.outcome for episode in self.episodes)

    @property
    def instructions(self) -> Mapping[str, int]:
        """Episodes by instruction, the most frequent first."""
        return _counts(episode.instruction for episode in self.episodes)


def summarize(dataset: Dataset) -> DatasetSummary:
    """Totals of a dataset, and one line per episode; no array is read."""
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
        size_bytes=_size(str(episode.path)),
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
    """Bytes of the files in a folder; pathlib takes three times as long, and there are thousands."""
    with os.scandir(folder) as entries:
        return sum(_size(one.path) if one.is_dir(follow_symlinks=False) else one.stat().st_size for one in entries)


def _counts(values: Iterable[str]) -> Mapping[str, int]:
    return dict(Counter(values).most_common())
