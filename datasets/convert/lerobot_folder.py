"""Reader of LeRobot datasets (format v3) on disk; nothing is downloaded."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hlm.core.arrays import ByteArray
from hlm.core.errors import CorruptError, HlmError, MismatchError, MissingDependencyError, MissingFileError
from hlm.core.serialization import read_json

if TYPE_CHECKING:
    import pyarrow

INFO_FILE = Path("meta/info.json")
FORMAT = "v3.0"
# An impossible name: LeRobot asks its hub for missing files, and must not find any.
NO_REPOSITORY = "--local--"
DECODED_AT_ONCE = 64


class LeRobotFolder:
    """Reader of a LeRobot dataset.

    Attributes:
        path: folder of the dataset.
        rate_hz: steps per second.
        robot: type of the robot as the dataset says; may be empty.
        features: LeRobot's description of each column.

    Raises:
        MissingDependencyError: LeRobot is not installed.
        MissingFileError: files are missing.
        MismatchError: the dataset has another version of the format.
        CorruptError: the dataset cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        info = read_json(path / INFO_FILE)
        version = info.get("codebase_version")
        if version != FORMAT:
            raise MismatchError(
                f"{path} has LeRobot's format {version}, hlm reads {FORMAT}. Upgrade it with LeRobot: python -m "
                f"lerobot.scripts.convert_dataset_v21_to_v30 --repo-id={path.name} --root={path} --push-to-hub=false"
            )
        _check_files(path)
        self._meta = _metadata(path)
        with _foreign_errors(f"LeRobot's description of {path} cannot be used"):
            self.rate_hz = float(self._meta.fps)
            self.robot = str(self._meta.robot_type or "")
            self.features: dict[str, dict[str, Any]] = self._meta.features
            for number in range(len(self)):
                self._check_episode(number)

    def __len__(self) -> int:
        return int(self._meta.total_episodes)

    def steps(self, number: int) -> int:
        """Number of steps of an episode."""
        return int(self._meta.episodes[number]["length"])

    def tasks_of(self, number: int) -> list[str]:
        """Tasks of an episode."""
        return [str(task) for task in self._meta.episodes[number]["tasks"]]

    @property
    def cameras(self) -> tuple[str, ...]:
        """Columns that hold colour images."""
        return tuple(key for key in self._meta.camera_keys if key not in self._meta.depth_keys)

    def video_file(self, number: int, key: str) -> Path:
        """File of the video with an episode's images, which may hold other episodes too."""
        return self.path / str(self._meta.get_video_file_path(number, key))

    def size(self, key: str) -> tuple[int, int]:
        """(height, width) of a camera's images, px."""
        first, second, third = (int(size) for size in self.features[key]["shape"])
        # Most datasets say height, width, channels; some the channels first.
        return (second, third) if first in (1, 3) and third not in (1, 3) else (first, second)

    def columns(self, number: int, names: Sequence[str]) -> dict[str, np.ndarray[Any, Any]]:
        """[time, ...] arrays of some columns of an episode.

        Raises:
            CorruptError: a column cannot be read, or has another number of steps.
        """
        table = self._table(number, names)
        arrays = {name: _array(table.column(name), self.features[name]["shape"]) for name in names}
        for name, array in arrays.items():
            if len(array) != self.steps(number):
                raise CorruptError(
                    f"episode {number} of {self.path} has {len(array)} steps of {name}, not {self.steps(number)}."
                )
        return arrays

    def images(self, number: int, key: str) -> Iterator[ByteArray]:
        """Yield the [height, width, 3] uint8 RGB images of an episode, read-only, step by step.

        Raises:
            CorruptError: an image is missing or cannot be decoded.
        """
        images = self._video(number, key) if self.features[key]["dtype"] == "video" else self._images(number, key)
        size = self.size(key)
        for image in images:
            if image.shape[:2] != size:
                raise CorruptError(f"{key} of episode {number} of {self.path} is {image.shape[:2]}, not {size}.")
            image.flags.writeable = False
            yield image

    def _video(self, number: int, key: str) -> Iterator[ByteArray]:
        from lerobot.datasets.video_utils import decode_video_frames

        path = self.video_file(number, key)
        first_s = float(self._meta.episodes[number][f"videos/{key}/from_timestamp"])
        for start in range(0, self.steps(number), DECODED_AT_ONCE):
            stop = min(start + DECODED_AT_ONCE, self.steps(number))
            due_s = [first_s + step / self.rate_hz for step in range(start, stop)]
            with _foreign_errors(f"{path} has no image for steps {start} to {stop - 1} of episode {number}"):
                # The nearest image, less than half a period away: timestamps are 32-bit numbers in LeRobot.
                frames = decode_video_frames(path, due_s, 0.45 / self.rate_hz, "pyav", return_uint8=True)
            for frame in frames.permute(0, 2, 3, 1).numpy():
                yield np.array(frame)

    def _images(self, number: int, key: str) -> Iterator[ByteArray]:
        from PIL import Image

        for step, cell in enumerate(self._table(number, [key]).column(key)):
            data = (cell.as_py() or {}).get("bytes")
            try:
                with Image.open(io.BytesIO(data or b"")) as image:
                    yield np.array(image.convert("RGB"))
            except (OSError, ValueError) as error:
                raise CorruptError(f"step {step} of {key} in episode {number} of {self.path} holds no image") from error

    def _table(self, number: int, names: Sequence[str]) -> pyarrow.Table:
        from pyarrow import parquet

        path = self.path / self._meta.get_data_file_path(number)
        with _foreign_errors(f"{path} cannot be read"):
            return parquet.read_table(path, columns=list(names), filters=[("episode_index", "=", number)])

    def _check_episode(self, number: int) -> None:
        paths = [self._meta.get_data_file_path(number)]
        paths += [self._meta.get_video_file_path(number, key) for key in self._meta.video_keys]
        for path in paths:
            whole = (self.path / path).resolve()
            if not whole.is_relative_to(self.path.resolve()):
                raise CorruptError(f"episode {number} of {self.path} lies outside of it: {path}.")
            if not whole.is_file():
                raise MissingFileError(f"{whole} is missing; episode {number} of {self.path} is in it.")


def _check_files(path: Path) -> None:
    """Check that the files exist that LeRobot would otherwise look for on its hub."""
    if not (path / "meta/tasks.parquet").is_file():
        raise MissingFileError(f"{path}/meta/tasks.parquet is missing: the copy or the recording is not complete.")
    if not list((path / "meta/episodes").glob("*/*.parquet")):
        raise MissingFileError(f"{path} has no episodes: {path / 'meta/episodes'} is empty.")


def _metadata(path: Path) -> Any:
    try:
        from lerobot.datasets.dataset_metadata import LeRobotDatasetMetadata
    except ImportError as error:
        raise lerobot_missing() from error
    with _foreign_errors(f"LeRobot cannot read {path}"):
        return LeRobotDatasetMetadata(NO_REPOSITORY, path)


def lerobot_missing() -> MissingDependencyError:
    """The error that LeRobot is not installed."""
    return MissingDependencyError("LeRobot is not installed: pip install 'hlm[lerobot]', or HLM_EXTRAS=dev make setup.")


def _array(column: Any, shape: Sequence[int]) -> np.ndarray[Any, Any]:
    """[time, *shape] array of an Arrow column of numbers, or of lists of lists of numbers."""
    array, steps = column.combine_chunks(), len(column)
    while True:
        array = getattr(array, "storage", array)
        if array.null_count:
            raise CorruptError("a column of the dataset has empty cells.")
        if not hasattr(array, "flatten") or not hasattr(array.type, "value_type"):
            break
        array = array.flatten()
    values = array.to_numpy(zero_copy_only=False)
    if values.size != steps * int(np.prod(shape)):
        raise CorruptError(
            f"a column of the dataset has {values.size} numbers in {steps} steps, not {list(shape)} each."
        )
    return values.reshape(steps, *shape)


@contextmanager
def _foreign_errors(text: str) -> Iterator[None]:
    """Turn errors of LeRobot, its decoders or Arrow into a CorruptError `TEXT: reason`."""
    try:
        yield
    except HlmError:
        raise
    except Exception as error:
        raise CorruptError(f"{text}: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or its type if it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
