"""What a dataset contains, in figures: the data behind `hlm data info`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hlm.datasets.reader import Dataset, Episode
from hlm.datasets.schema import DatasetSpec, numbered_episodes
from hlm.datasets.storage import storage_errors


@dataclass(frozen=True, kw_only=True, slots=True)
class EpisodeSummary:
    """One line of the table.

    Attributes:
        number: of the episode.
        instruction: what was to be done.
        source: who gave the references.
        outcome: success, failure or unlabelled.
        stage: stages reached.
        rows: frames.
        duration_s: rows over rate.
        cameras: that the episode has.
        recovered: whether it was saved from a recording that nobody ended.
        size_bytes: on disk.
    """

    number: int
    instruction: str
    source: str
    outcome: str
    stage: int | None
    rows: int
    duration_s: float
    cameras: tuple[str, ...]
    recovered: bool
    size_bytes: int


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
    def rows(self) -> int:
        """Frames of all episodes."""
        return sum(episode.rows for episode in self.episodes)

    @property
    def duration_s(self) -> float:
        """Length of all episodes."""
        return self.rows / self.spec.rate_hz

    @property
    def size_bytes(self) -> int:
        """Of all episodes on disk."""
        return sum(episode.size_bytes for episode in self.episodes)

    @property
    def sources(self) -> Mapping[str, int]:
        """Episodes by source, the most frequent first."""
        return _counts(episode.source for episode in self.episodes)

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
        instruction=episode.info.instruction,
        source=episode.info.source,
        outcome=episode.info.outcome,
        stage=episode.info.stage,
        rows=len(episode),
        duration_s=len(episode) / spec.rate_hz,
        cameras=episode.cameras,
        recovered=bool(episode.attributes.get("recovered", False)),
        size_bytes=sum(file.stat().st_size for file in episode.path.rglob("*") if file.is_file()),
    )


def _counts(values: Iterable[str]) -> Mapping[str, int]:
    return dict(Counter(values).most_common())
