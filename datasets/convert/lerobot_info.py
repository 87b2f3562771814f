"""`meta/info.json` of a LeRobot dataset: version, rate, robot, columns, counts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from string import Formatter
from typing import Any

from hlm.core.errors import CorruptError, MismatchError
from hlm.core.serialization import read_json
from hlm.datasets.convert.lerobot_parquet import foreign_errors

INFO_FILE = Path("meta/info.json")
FORMAT = "v3.0"
DEFAULT_VIDEO_PATH = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
COUNTS = ("total_episodes", "total_frames", "total_tasks")
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.\d+)*")
_PLACES = ("video_key", "chunk_index", "file_index")
_WIDTH = re.compile(r"0?\d?d?", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Info:
    """Description of a LeRobot dataset.

    Attributes:
        path: folder of the dataset.
        rate_hz: steps per second.
        robot: type of the robot as the dataset says; may be empty.
        features: LeRobot's description of each column.
        video_path: pattern of the videos' paths below the folder.
        counts: how many episodes, frames and tasks it says there are, by `COUNTS`.
    """

    path: Path
    rate_hz: float
    robot: str
    features: Mapping[str, Mapping[str, Any]]
    video_path: str
    counts: Mapping[str, int]

    def columns_of(self, *dtypes: str) -> tuple[str, ...]:
        """Columns of some types, without depth maps."""
        return tuple(key for key, it in self.features.items() if it["dtype"] in dtypes and not is_depth(it))

    def shape(self, key: str) -> tuple[int, ...]:
        """Shape of a column's cells."""
        return tuple(self.features[key]["shape"])

    def size(self, key: str) -> tuple[int, int]:
        """(height, width) of a camera's images, px.

        Raises:
            CorruptError: the description has another number of dimensions.
        """
        shape = self.shape(key)
        if len(shape) != 3:
            raise CorruptError(f"'{key}' of {self.path} has shape {list(shape)}, not height, width and channels.")
        # Most datasets say height, width, channels; some the channels first.
        first_is_channels = shape[0] in (1, 3, 4) and shape[2] not in (1, 3, 4)
        return (shape[1], shape[2]) if first_is_channels else (shape[0], shape[1])

    def video_file(self, key: str, chunk: int, file: int) -> Path:
        """A file of a camera's videos. Links of the file system are followed, names never lead out of the folder.

        Raises:
            CorruptError: the name leads out of the folder.
        """
        name = self.video_path.format(video_key=key, chunk_index=chunk, file_index=file)
        parts = PurePosixPath(name)
        if parts.is_absolute() or ".." in parts.parts or "\0" in name:
            raise CorruptError(f"a video of {self.path} lies outside of it: {name}.")
        return self.path / name


def read_info(path: Path) -> Info:
    """Read the description of a LeRobot dataset.

    Raises:
        MismatchError: the dataset has another version of the format.
        CorruptError: the description cannot be used.
    """
    content = read_json(path / INFO_FILE)
    _check_version(content.get("codebase_version"), path)
    with foreign_errors(f"{path / INFO_FILE} cannot be used"):
        features = {str(key): _feature(str(key), value) for key, value in dict(content["features"]).items()}
        rate_hz = float(content["fps"])
        if not 0.0 < rate_hz < 1e6:
            raise CorruptError(f"{path / INFO_FILE} says {rate_hz:g} steps per second.")
        return Info(
            path=path,
            rate_hz=rate_hz,
            robot=str(content.get("robot_type") or ""),
            features=features,
            video_path=_checked_pattern(content.get("video_path") or DEFAULT_VIDEO_PATH, path),
            counts={name: content[name] for name in COUNTS if isinstance(content.get(name), int)},
        )


def is_depth(feature: Mapping[str, Any]) -> bool:
    """Whether a column holds depth maps; LeRobot has said so in three places."""
    infos: Sequence[Any] = (feature.get("info"), feature.get("video_info"))
    names = ("is_depth_map", "video.is_depth_map")
    return any(isinstance(info, dict) and info.get(name) for info in infos for name in names)


def _feature(key: str, value: Any) -> dict[str, Any]:
    feature = dict(value)
    shape = [int(size) for size in feature["shape"]]
    if any(size < 0 for size in shape):
        raise CorruptError(f"'{key}' has shape {shape}")
    return {**feature, "dtype": str(feature["dtype"]), "shape": tuple(shape)}


def _checked_pattern(pattern: str, path: Path) -> str:
    for _, name, width, conversion in Formatter().parse(pattern):
        if name is not None and (name not in _PLACES or conversion or not _WIDTH.fullmatch(width or "")):
            raise CorruptError(
                f"video_path in {path / INFO_FILE} is {pattern!r}, which has places other than {', '.join(_PLACES)}."
            )
    return pattern


def _check_version(version: object, path: Path) -> None:
    """Check that the format can be read.

    Raises:
        MismatchError: it cannot; the text says what to do.
    """
    match = _VERSION.fullmatch(version) if isinstance(version, str) else None
    if match is None:
        said = "no version of LeRobot's format" if version is None else f"an unknown version of the format, {version!r}"
        raise MismatchError(f"{path / INFO_FILE} names {said}; hlm reads {FORMAT}.")
    number, known = (int(match[1]), int(match[2])), (3, 0)
    if number == known:
        return
    text = f"{path} has LeRobot's format {version}, hlm reads {FORMAT}"
    if number > known:
        raise MismatchError(f"{text}: it is newer than this hlm. Install a newer hlm.")
    if number == (2, 1):
        words = (f"--repo-id={path.name}", f"--root={path}", "--push-to-hub=false")
        command = shlex.join(["python", "-m", "lerobot.scripts.convert_dataset_v21_to_v30", *words])
        raise MismatchError(f"{text}. Upgrade a copy of it with LeRobot: {command}")
    raise MismatchError(
        f"{text}. First bring it to v2.1 with the LeRobot of its time (0.3 has converters from v2.0), then to {FORMAT}."
    )
