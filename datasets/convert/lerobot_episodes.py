"""`meta/episodes` and `meta/tasks.parquet` of a LeRobot dataset, by the numbers in them, never by position."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from hlm.core.errors import CorruptError, MissingFileError
from hlm.datasets.convert.lerobot_info import Info
from hlm.datasets.convert.lerobot_parquet import column_names, foreign_errors, parquet_files, read_objects

EPISODES_FOLDER = Path("meta/episodes")
TASKS_FILE = Path("meta/tasks.parquet")
_TASK = "task_index"


class Clip(NamedTuple):
    """Part of a video that belongs to an episode.

    Attributes:
        file: the video, which may hold other episodes too.
        start_s: when the part begins.
        stop_s: when it ends; infinity if unknown.
        next_s: when the next episode's part begins; infinity if there is none.
        rival: an episode whose part begins at the same image; None without one.
        in_order: whether the parts before and after it belong to episodes before and after, as LeRobot writes them.
    """

    file: Path
    start_s: float
    stop_s: float
    next_s: float
    rival: int | None
    in_order: bool


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class DescribedEpisode:
    """Description of an episode in `meta/episodes`.

    Attributes:
        number: its `episode_index`.
        steps: its `length`.
        tasks: its words.
        data_file: the file that its rows should be in.
        index: range of the `index` of its rows; None if unknown.
        videos: the file (chunk, file) and the times (from, to) of each video, by column; s.
    """

    number: int
    steps: int
    tasks: tuple[str, ...]
    data_file: str
    index: range | None
    videos: Mapping[str, tuple[int, int, float, float]]


def read_episodes(info: Info) -> dict[int, DescribedEpisode]:
    """Descriptions of all episodes by number, ascending.

    Raises:
        MissingFileError: there are none.
        CorruptError: they cannot be read, or one is there twice.
    """
    folder = info.path / EPISODES_FOLDER
    files = parquet_files(folder)
    if not files:
        raise MissingFileError(f"{info.path} has no episodes: {folder} is empty.")
    found: dict[int, DescribedEpisode] = {}
    for file in files:
        for row in read_objects(file, [name for name in column_names(file) if not name.startswith("stats/")]):
            with foreign_errors(f"LeRobot's description of {info.path} cannot be used"):
                episode = _described(row, info.columns_of("video"))
            if episode.number in found:
                raise CorruptError(f"{folder} describes episode {episode.number} twice.")
            found[episode.number] = episode
    return dict(sorted(found.items()))


def clips_of(episodes: Mapping[int, DescribedEpisode], info: Info, key: str) -> dict[int, Clip]:
    """The part of a camera's videos that belongs to each episode.

    Raises:
        CorruptError: a video lies outside of the dataset.
    """
    starts: dict[Path, list[tuple[float, float, int]]] = {}
    for number, episode in episodes.items():
        if key in episode.videos:
            chunk, file, start_s, stop_s = episode.videos[key]
            starts.setdefault(info.video_file(key, chunk, file), []).append((start_s, stop_s, number))
    clips: dict[int, Clip] = {}
    for path, parts in starts.items():
        parts.sort()
        for place, (start_s, stop_s, number) in enumerate(parts):
            around = parts[max(place - 1, 0) : place + 2]
            in_order = [other[2] for other in around] == sorted(other[2] for other in around)
            rivals = [other for other in around if other[2] != number]
            rival = next((other[2] for other in rivals if abs(other[0] - start_s) < 0.5 / info.rate_hz), None)
            next_s = parts[place + 1][0] if place + 1 < len(parts) else math.inf
            clips[number] = Clip(path, start_s, stop_s, next_s, rival, in_order)
    return clips


class Tasks:
    """Words of the tasks of a dataset, by their number.

    Raises:
        MissingFileError: there is no `meta/tasks.parquet`.
        CorruptError: it cannot be read, or a number is there twice.
    """

    def __init__(self, root: Path) -> None:
        self.path = path = root / TASKS_FILE
        if not path.is_file():
            raise MissingFileError(f"{path} is missing: the copy or the recording is not complete.")
        names = column_names(path)
        words = "task" if "task" in names else next((name for name in names if name != _TASK), None)
        if words is None:
            raise CorruptError(f"{path} has no column of words. It has: {', '.join(names)}.")
        rows = read_objects(path, [name for name in (words, _TASK) if name in names])
        if _TASK not in names:
            rows = [{**row, _TASK: place} for place, row in enumerate(rows)]
        if not all(isinstance(row[words], str) and isinstance(row[_TASK], int) for row in rows):
            raise CorruptError(f"{path} has a task without words or number.")
        self._by_place = [str(row[words]) for row in rows]
        self._by_number = {int(row[_TASK]): str(row[words]) for row in rows}
        if len(self._by_number) != len(rows):
            raise CorruptError(f"{path} gives two tasks the same number.")

    def __len__(self) -> int:
        return len(self._by_number)

    def words(self, numbers: Sequence[int], described: Sequence[str], where: str) -> tuple[list[str], str]:
        """Words of an episode's tasks, and a note if `meta/episodes` has others.

        LeRobot says the words at the place of the number; so where place and number differ, `meta/episodes` decides.

        Args:
            numbers: the different `task_index` of its rows.
            described: its words in `meta/episodes`.
            where: the episode, for errors.

        Raises:
            CorruptError: a task is missing, or place, number and `meta/episodes` contradict each other.
        """
        for number in numbers:
            if number not in self._by_number:
                raise CorruptError(f"{where} has task_index {number}, which {self.path} does not have.")
        words = [self._by_number[number] for number in numbers]
        placed = [self._by_place[number] for number in numbers if 0 <= number < len(self._by_place)]
        if set(words) == set(described):
            return words, ""
        if words != placed:
            raise CorruptError(
                f"the task of {where} is {_said(words)} by its number and {_said(placed)} by its place in {self.path}, "
                f"and {_said(described)} in {EPISODES_FOLDER}."
            )
        return words, f"relabelled {_said(words)}; {EPISODES_FOLDER} still says {_said(described)}"


def _described(row: Mapping[str, Any], video_keys: Sequence[str]) -> DescribedEpisode:
    first, last = row.get("dataset_from_index"), row.get("dataset_to_index")
    chunk, file = row.get("data/chunk_index"), row.get("data/file_index")
    known = isinstance(chunk, int) and isinstance(file, int)
    tasks = row.get("tasks")
    return DescribedEpisode(
        number=int(row["episode_index"]),
        steps=int(row["length"]),
        tasks=tuple(map(str, [tasks] if isinstance(tasks, str) else tasks or ())),
        data_file=f"data/chunk-{chunk:03d}/file-{file:03d}.parquet" if known else "",
        index=range(first, last) if isinstance(first, int) and isinstance(last, int) else None,
        videos={key: place for key in video_keys for place in _place(row, f"videos/{key}/")},
    )


def _place(row: Mapping[str, Any], prefix: str) -> Iterator[tuple[int, int, float, float]]:
    """File and times of a video; nothing without them."""
    values = [row.get(prefix + name) for name in ("chunk_index", "file_index", "from_timestamp")]
    if all(value is not None for value in values):
        chunk, file, start_s = values
        stop_s = row.get(f"{prefix}to_timestamp")
        yield int(chunk), int(file), float(start_s), math.inf if stop_s is None else float(stop_s)  # type: ignore[arg-type]


def _said(words: Sequence[str]) -> str:
    return " and ".join(map(repr, words)) or "nothing"
