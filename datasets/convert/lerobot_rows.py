"""Rows of a LeRobot dataset: found by `episode_index` in whatever file they are, put into the order of their frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hlm.core.errors import CorruptError, MissingFileError
from hlm.datasets.convert.lerobot_episodes import DescribedEpisode
from hlm.datasets.convert.lerobot_info import Info
from hlm.datasets.convert.lerobot_parquet import array_of, column_names, parquet_files, read_table
from hlm.datasets.convert.lerobot_timeline import Timeline, timeline
from hlm.datasets.selection import ranges

if TYPE_CHECKING:
    import pyarrow

DATA_FOLDER = Path("data")
EPISODE, FRAME, TIMESTAMP, INDEX, TASK = "episode_index", "frame_index", "timestamp", "index", "task_index"
BOOKKEEPING = (TIMESTAMP, FRAME, EPISODE, INDEX, TASK)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Moments:
    """What the bookkeeping columns say about an episode.

    Attributes:
        timeline: its rows in time.
        tasks: the different `task_index` of its rows, in their order; None without the column.
    """

    timeline: Timeline
    tasks: tuple[int, ...] | None


class Rows:
    """Reader of the rows of a dataset.

    Raises:
        CorruptError: a file cannot be read.
    """

    def __init__(self, info: Info, episodes: Mapping[int, DescribedEpisode]) -> None:
        self._info = info
        self._episodes = episodes
        self._found: dict[int, dict[Path, int]] = {}
        for file in parquet_files(info.path / DATA_FOLDER):
            numbers = array_of(read_table(file, [EPISODE]).column(EPISODE), (), EPISODE)
            for number, rows in zip(*np.unique(numbers, return_counts=True), strict=True):
                self._found.setdefault(int(number), {})[file] = int(rows)

    def undescribed(self) -> str:
        """Numbers of episodes that have rows, but no description; empty without any."""
        return ranges(sorted(set(self._found) - set(self._episodes)))

    def column_names(self) -> tuple[str, ...]:
        """All columns that are in the files."""
        files = {file for found in self._found.values() for file in found}
        return tuple(dict.fromkeys(name for file in sorted(files) for name in column_names(file)))

    def moments(self, number: int) -> Moments:
        """What the bookkeeping columns say about an episode, checked against each other and its description.

        Raises:
            MissingFileError: the file of the episode is missing.
            CorruptError: they contradict each other.
        """
        self._check_count(number)
        where = f"episode {number} of {self._info.path}"
        known = [name for name in (INDEX, TASK) if name in self.column_names_of(number)]
        table = self._table(number, [FRAME, TIMESTAMP, *known])
        arrays = {name: array_of(table.column(name), (), name) for name in table.column_names}
        if INDEX in arrays:
            self._check_index(number, arrays[INDEX], where)
        tasks = dict.fromkeys(arrays[TASK].tolist()) if TASK in arrays else None
        return Moments(
            timeline=timeline(arrays[FRAME], arrays[TIMESTAMP], self._info.rate_hz, where),
            tasks=None if tasks is None else tuple(map(int, tasks)),
        )

    def column_names_of(self, number: int) -> list[str]:
        """Columns that the files of an episode have in common."""
        return list(set.intersection(*(set(column_names(file)) for file in self._found[number])))

    def in_order(self, number: int, names: Sequence[str]) -> pyarrow.Table:
        """Some columns of an episode, in the order of its frames.

        Raises:
            CorruptError: a column cannot be read.
        """
        self._check_count(number)
        table = self._table(number, [*names, *(name for name in (FRAME,) if name not in names)])
        order = np.argsort(array_of(table.column(FRAME), (), FRAME), kind="stable")
        return table if bool((np.diff(order) > 0).all()) else table.take(order)

    def _table(self, number: int, names: Sequence[str]) -> pyarrow.Table:
        import pyarrow

        return pyarrow.concat_tables([read_table(file, names, number) for file in self._found[number]])

    def _check_count(self, number: int) -> None:
        """Check that an episode has as many rows as described.

        Raises:
            MissingFileError: the file that should have them is missing.
            CorruptError: it has not.
        """
        episode, found = self._episodes[number], self._found.get(number, {})
        rows, path = sum(found.values()), self._info.path
        if rows == episode.steps > 0:
            return
        if episode.data_file and not (path / episode.data_file).is_file():
            raise MissingFileError(f"{path / episode.data_file} is missing; episode {number} of {path} is in it.")
        files = ", ".join(str(file.relative_to(path)) for file in found) or f"any file of {path / DATA_FOLDER}"
        raise CorruptError(
            f"episode {number} of {path} has {rows} rows in {files}; its length in meta/episodes is {episode.steps}. "
            "Leave it out with --episodes, or mend them."
        )

    def _check_index(self, number: int, index: np.ndarray[Any, Any], where: str) -> None:
        """Check that the rows of an episode are not those that another episode's description means.

        The images follow the description, the numbers follow the rows. That either is merely out of date, as after
        rows were removed, harms nothing.
        """
        own = _meant(self._episodes[number], index)
        if own is None or own.any():
            return
        for other in self._episodes.values():
            its = _meant(other, index)
            if its is not None and its.all():
                raise CorruptError(
                    f"the rows of {where} have index {index.min()} to {index.max()}, which meta/episodes gives to "
                    f"episode {other.number}: one of them has the wrong number."
                )


def _meant(episode: DescribedEpisode, index: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """[time] whether a description means each of these rows; None if its range is out of date."""
    its = episode.index
    return None if its is None or len(its) != episode.steps else (index >= its.start) & (index < its.stop)
