"""Reader of LeRobot datasets (format v3) on disk, which trusts nothing that is said twice; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from hlm.core.arrays import ByteArray, FloatArray
from hlm.core.errors import CorruptError
from hlm.core.wording import counted
from hlm.datasets.convert.lerobot_episodes import Clip, Tasks, clips_of, read_episodes
from hlm.datasets.convert.lerobot_images import check_clip, images_in_cells, images_in_clip
from hlm.datasets.convert.lerobot_info import read_info
from hlm.datasets.convert.lerobot_parquet import array_of
from hlm.datasets.convert.lerobot_rows import Moments, Rows

_IMAGE, _VIDEO = "image", "video"


class LeRobotFolder:
    """Reader of a LeRobot dataset.

    Attributes:
        path: folder of the dataset.
        info: its `meta/info.json`.

    Raises:
        MissingDependencyError: LeRobot is not installed.
        MissingFileError: files are missing.
        MismatchError: the dataset has another version of the format.
        CorruptError: the dataset cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.info = read_info(path)
        self._tasks = Tasks(path)
        self._episodes = read_episodes(self.info)
        self._rows = Rows(self.info, self._episodes)
        self._clips: dict[str, dict[int, Clip]] = {}
        self._last: tuple[int, Moments] | None = None

    @property
    def numbers(self) -> tuple[int, ...]:
        """Numbers of the episodes, ascending."""
        return tuple(self._episodes)

    @property
    def features(self) -> Mapping[str, Mapping[str, Any]]:
        """LeRobot's description of each column."""
        return self.info.features

    @property
    def cameras(self) -> tuple[str, ...]:
        """Columns that hold colour images."""
        return self.info.columns_of(_IMAGE, _VIDEO)

    @cached_property
    def foreign_columns(self) -> tuple[str, ...]:
        """Columns of the files that the description does not name."""
        return tuple(name for name in self._rows.column_names() if name not in self.features)

    def steps(self, number: int) -> int:
        """Number of steps of an episode."""
        return self._episodes[number].steps

    def time_s(self, number: int) -> FloatArray:
        """[time] time of each step since frame 0, s."""
        return self._moments(number).timeline.time_s

    def notes(self) -> tuple[str, ...]:
        """What the counts of the dataset disagree on."""
        found = {
            "episode": len(self._episodes),
            "frame": sum(episode.steps for episode in self._episodes.values()),
            "task": len(self._tasks),
        }
        notes = []
        for noun, number in found.items():
            said = self.info.counts.get(f"total_{noun}s", number)
            if said != number:
                rest = "; the others are left out" if said > number else ""
                notes.append(f"info.json counts {counted(said, noun)}, the dataset has {number}{rest}")
        if undescribed := self._rows.undescribed():
            notes.append(f"rows of episode {undescribed}, which meta/episodes does not describe, are left out")
        return tuple(notes)

    def check(self, number: int, keys: Sequence[str]) -> tuple[str, ...]:
        """Compare all that is said about an episode, without decoding its images.

        Args:
            number: number of the episode.
            keys: columns of its cameras.

        Returns:
            What was put right, a text each that does not name the episode.

        Raises:
            MissingFileError: a file is missing.
            CorruptError: two things contradict each other.
        """
        timeline = self._moments(number).timeline
        notes: list[str] = []
        for key in keys:
            if self.features[key]["dtype"] == _VIDEO:
                clip = self._clip(number, key)
                notes += check_clip(clip, timeline.shown_s, self.info.rate_hz, self._where(number, key))
        _, relabelled = self.words(number)
        return tuple(note for note in (*timeline.notes, *notes, relabelled) if note)

    def words(self, number: int) -> tuple[list[str], str]:
        """Words of an episode's tasks, by the rows' `task_index`; and a note if `meta/episodes` has others.

        Raises:
            CorruptError: what is said about its tasks contradicts itself.
        """
        described, numbers = self._episodes[number].tasks, self._moments(number).tasks
        if numbers is None:
            return list(described), ""
        return self._tasks.words(numbers, described, f"episode {number}")

    def video_file(self, number: int, key: str) -> Path:
        """File of the video with an episode's images, which may hold other episodes too."""
        return self._clip(number, key).file

    def columns(self, number: int, names: Sequence[str]) -> dict[str, np.ndarray[Any, Any]]:
        """[time, ...] arrays of some columns of an episode, in the order of its frames.

        Raises:
            CorruptError: a column cannot be read, or has another number of steps.
        """
        table = self._rows.in_order(number, names)
        return {name: array_of(table.column(name), self.info.shape(name), name) for name in names}

    def images(self, number: int, key: str) -> Iterator[ByteArray]:
        """Yield the [height, width, 3] uint8 RGB images of an episode, read-only, step by step.

        Raises:
            CorruptError: an image is missing or cannot be decoded.
            MismatchError: the images are not of colours.
        """
        where, size = self._where(number, key), self.info.size(key)
        if self.features[key]["dtype"] == _VIDEO:
            shown_s = self._moments(number).timeline.shown_s
            images = images_in_clip(self._clip(number, key), shown_s, self.info.rate_hz, where)
        else:
            images = images_in_cells(self._rows.in_order(number, [key]).column(key), where)
        for image in images:
            if image.shape[:2] != size:
                found, wanted = ("x".join(map(str, one)) for one in (image.shape[:2], size))
                raise CorruptError(f"an image of {where} is {found}, info.json says {wanted}.")
            image.flags.writeable = False
            yield image

    def _moments(self, number: int) -> Moments:
        if self._last is None or self._last[0] != number:
            self._last = number, self._rows.moments(number)
        return self._last[1]

    def _clip(self, number: int, key: str) -> Clip:
        if key not in self._clips:
            self._clips[key] = clips_of(self._episodes, self.info, key)
        if number not in self._clips[key]:
            raise CorruptError(
                f"meta/episodes of {self.path} does not say where the video of {key} of episode {number} is."
            )
        return self._clips[key][number]

    def _where(self, number: int, key: str) -> str:
        return f"{key} of episode {number} of {self.path}"
