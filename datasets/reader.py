"""Reading of datasets: low-dimensional arrays whole, images step by step."""

from __future__ import annotations

import copy
import difflib
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from hlm.core.arrays import ByteArray
from hlm.core.errors import CorruptError, HlmError, InputError, MismatchError, MissingFileError, UnknownNameError
from hlm.core.files import storage_errors
from hlm.datasets.checks import SPLIT_PERIODS
from hlm.datasets.schema import DatasetSpec, EpisodeInfo
from hlm.datasets.store.arrays import read_array
from hlm.datasets.store.attributes import group_attributes, names_in, steps_in
from hlm.datasets.store.image_reader import ImageReader
from hlm.datasets.store.naming import METADATA, numbered_episodes
from hlm.datasets.store.shard import Frames
from hlm.datasets.store.swap import finish_swap
from hlm.datasets.store.version import check_version

type Floats = npt.NDArray[np.float32]
type Stamps = npt.NDArray[np.int64]

# What an episode has read from its files; after pickling, the other process reads it again.
_KEPT = ("stamp_ns", "state", "action", "_gaps", "_image_readers")


class Episode:
    """A complete episode. Arrays are read on first access and then kept; all are read-only.

    No file stays open, and an episode can be pickled: without its arrays, which the other process reads for itself.

    Raises:
        CorruptError: the attributes cannot be read.
        MismatchError: the episode has another version of the schema.
    """

    def __init__(self, path: Path, number: int) -> None:
        self.path = path
        self.number = number
        self.attributes: dict[str, Any] = group_attributes(path)
        check_version(self.attributes, path)
        self.info = EpisodeInfo.from_attributes(self.attributes)
        self._steps = steps_in(self.attributes)
        self.cameras = names_in(self.attributes, "cameras")
        self.inputs = names_in(self.attributes, "inputs")
        self.privileged = names_in(self.attributes, "privileged")

    def __len__(self) -> int:
        return self._steps

    def __repr__(self) -> str:
        return f"Episode({self.number}, {self._steps} steps, '{self.info.instruction}')"

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in _KEPT}

    def with_instruction(self, instruction: str) -> Self:
        """The same episode with another instruction in its `info`. The files stay as they are."""
        changed = copy.copy(self)
        changed.info = self.info.with_instruction(instruction)
        return changed

    @cached_property
    def stamp_ns(self) -> Stamps:
        """[time] instant of each step on the session's clock."""
        return read_array(self.path / "stamp_ns")

    @cached_property
    def state(self) -> Floats:
        """[time, 34] measured state."""
        return read_array(self.path / "state")

    @cached_property
    def action(self) -> Floats:
        """[time, 34] reference, the action."""
        return read_array(self.path / "action")

    def end_of_piece(self, step: int) -> int:
        """The step after the last one that follows `step` without a gap in time: the episode's end, unless it has one.

        Actions beyond a gap are not those that were due when the steps before it expected them.
        """
        place = bisect_right(self._gaps, step)
        return self._gaps[place] if place < len(self._gaps) else len(self)

    @cached_property
    def _gaps(self) -> list[int]:
        """Steps before which there is a gap in time."""
        intervals_ns = np.diff(self.stamp_ns)
        if not len(intervals_ns):
            return []
        gaps: list[int] = (np.flatnonzero(intervals_ns > SPLIT_PERIODS * np.median(intervals_ns)) + 1).tolist()
        return gaps

    def age_s(self, name: str) -> Floats:
        """[time] age of an input at each step.

        Raises:
            UnknownNameError: the episode has no such input.
        """
        if name not in self.inputs:
            raise UnknownNameError("input", name, self.inputs)
        return read_array(self.path / f"age_{name}_s")

    def privileged_quantity(self, name: str) -> Floats:
        """[time, ...] a privileged quantity of the simulation.

        Raises:
            UnknownNameError: the episode has no such quantity.
        """
        if name not in self.privileged:
            raise UnknownNameError("privileged quantity", name, self.privileged)
        return read_array(self.path / "privileged" / name)

    def image_size(self, camera: str) -> tuple[int, int]:
        """(height, width) of a camera's images as recorded, px."""
        return self.image_reader(camera).size

    def image_reader(self, camera: str) -> ImageReader:
        """A reader of single images of a camera.

        Raises:
            UnknownNameError: the episode has no such camera.
            CorruptError: the index of the images is missing or damaged.
        """
        if camera not in self._image_readers:
            self._image_readers[camera] = ImageReader.open(self._camera_folder(camera))
        return self._image_readers[camera]

    def images(
        self,
        camera: str,
        steps: slice | npt.ArrayLike | None = None,
        size: tuple[int, int] | None = None,
    ) -> ByteArray:
        """[n, height, width, 3] uint8 RGB images of a camera.

        Args:
            camera: one of `cameras`.
            steps: steps to read, in this order; negative ones count from the end. All by default.
            size: (height, width) to resize to. As recorded by default.

        Raises:
            UnknownNameError: the episode has no such camera.
            InputError: a step that the episode does not have.
            CorruptError: an image is missing or damaged.
        """
        chosen = self._chosen(steps)
        images = self.image_reader(camera)
        out = np.empty((len(chosen), *(size or images.size), 3), np.uint8)
        for place, step in enumerate(chosen):
            out[place] = images.read(step, size)
        return out

    def frames(self, camera: str) -> Frames:
        """The image files of a camera; a context manager that keeps their file open.

        Raises:
            UnknownNameError: the episode has no such camera.
        """
        return Frames(self._camera_folder(camera))

    @cached_property
    def _image_readers(self) -> dict[str, ImageReader]:
        return {}

    def _camera_folder(self, camera: str) -> Path:
        if camera not in self.cameras:
            raise UnknownNameError("camera", camera, self.cameras)
        return self.path / f"image_{camera}"

    def _chosen(self, steps: slice | npt.ArrayLike | None) -> npt.NDArray[np.int64]:
        everything = np.arange(len(self))
        if steps is None or isinstance(steps, slice):
            return everything[steps or slice(None)]
        try:
            return np.atleast_1d(everything[np.asarray(steps, dtype=np.int64)])
        except IndexError as error:
            raise InputError(f"episode {self.number} has {len(self)} steps: {error}.") from error


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A dataset, opened for reading.

    Attributes:
        path: folder of the dataset.
        spec: specification of the dataset.
        episodes: complete episodes, by number.
    """

    path: Path
    spec: DatasetSpec
    episodes: tuple[Episode, ...]

    def __len__(self) -> int:
        return len(self.episodes)

    def __iter__(self) -> Iterator[Episode]:
        return iter(self.episodes)


def open_dataset(path: Path | str) -> Dataset:
    """Open the dataset at `path`, with its complete episodes.

    Raises:
        MissingFileError: there is no dataset at `path`.
        MismatchError: the dataset or an episode has another version of the schema.
        InputError: the dataset has no complete episode.
        CorruptError: the attributes of the dataset or of an episode cannot be read.
    """
    path = Path(path)
    spec = read_spec(path)
    with storage_errors("read", path):
        episodes = tuple(_episode(path, folder, number) for number, folder in numbered_episodes(path, partial=False))
        unfinished = len(numbered_episodes(path, partial=True))
    if not episodes:
        hint = f" {unfinished} unfinished: run `hlm data recover {path}`." if unfinished else " Record some first."
        raise InputError(f"{path} has no episodes.{hint}")
    return Dataset(path, spec, episodes)


def _episode(dataset: Path, folder: Path, number: int) -> Episode:
    """Open an episode; errors name it and say what to do."""
    try:
        return Episode(folder, number)
    except MismatchError:
        raise
    except HlmError as error:
        raise CorruptError(
            f"episode {number} of {dataset} cannot be read: {error} "
            f"`hlm data verify {dataset}` lists all problems; move {folder} away to use the other episodes."
        ) from error


def read_spec(path: Path) -> DatasetSpec:
    """Read the specification of the dataset at `path`, which may be empty.

    Raises:
        MissingFileError: there is no dataset at `path`.
        MismatchError: the dataset has another version of the schema.
        CorruptError: its attributes cannot be read.
    """
    attributes = read_attributes(path)
    check_version(attributes, path)
    return DatasetSpec.from_attributes(attributes)


def read_attributes(path: Path) -> dict[str, Any]:
    """Read the attributes of the dataset at `path`, of any version of the schema.

    Raises:
        MissingFileError: there is no dataset at `path`.
        CorruptError: the attributes cannot be read.
    """
    if not path.exists():
        finish_swap(path)
    if not (path / METADATA).is_file():
        raise MissingFileError(f"no dataset at {path}: {_what_is_there(path)}")
    attributes = group_attributes(path)
    if attributes.get("format") != "hlm":
        found = "an episode; open the folder that it is in" if "instruction" in attributes else "a Zarr group"
        raise MissingFileError(f"no dataset at {path}: this is {found}.")
    return attributes


def _what_is_there(path: Path) -> str:
    if path.is_file():
        return "this is a file; a dataset is a folder."
    if not path.is_dir():
        siblings = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, siblings, n=1)
        return f"there is nothing. Did you mean '{path.with_name(near[0])}'?" if near else "there is nothing."
    if (path / "meta" / "info.json").is_file():
        return f"this is a LeRobot dataset; convert it first: `hlm data convert {path} NAME.zarr`."
    if (path / ".zgroup").is_file():
        return "this is a Zarr v2 group; hlm writes Zarr v3."
    if (path / "model.safetensors").is_file():
        return f"this is a checkpoint; look at it with `hlm policy info {path}`."
    inside = sorted(entry.name for entry in path.iterdir() if (entry / METADATA).is_file())
    return (
        f"this folder holds {', '.join(inside[:5])}; name one of them." if inside else "this folder is no Zarr group."
    )
