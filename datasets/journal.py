"""The journal of an open episode: everything needed to finish it, valid up to its last complete record at any moment.

A partial episode's folder holds `journal.json` (what the records look like, and the episode's description),
`journal.rows` (fixed-size records, each with a checksum) and each camera's growing shard. A row's pictures are
written before its record, so a valid record means that its pictures are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from hlm.core.errors import CorruptError, MismatchError
from hlm.core.layout import DIMENSIONS
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Row
from hlm.datasets.shard import SHARD_FILE, checked_frame
from hlm.datasets.storage import CHECKSUM_BYTES, checksum, json_bytes, read_json, write_atomic

HEADER_FILE = "journal.json"
ROWS_FILE = "journal.rows"

type Records = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """What every row of an episode has, as its first row shows it.

    Attributes:
        cameras: (height, width) by name.
        inputs: whose age is recorded.
        labels: shape by name.
    """

    cameras: Mapping[str, tuple[int, int]]
    inputs: tuple[str, ...]
    labels: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, row: Row) -> Self:
        """The columns of a row."""
        return cls(
            cameras={name: (image.shape[0], image.shape[1]) for name, image in row.images.items()},
            inputs=tuple(sorted(row.age_s)),
            labels={name: value.shape for name, value in row.labels.items()},
        )

    @property
    def dtype(self) -> np.dtype[Any]:
        """One record, without padding: `frame_<camera>` is offset and length in the camera's shard."""
        columns: list[tuple[str, str, tuple[int, ...]]] = [
            ("stamp_ns", "<i8", ()),
            ("state", "<f4", (DIMENSIONS,)),
            ("action", "<f4", (DIMENSIONS,)),
        ]
        columns += [(f"frame_{name}", "<u8", (2,)) for name in self.cameras]
        columns += [(f"age_{name}_s", "<f4", ()) for name in self.inputs]
        columns += [(f"label/{name}", "<f4", shape) for name, shape in self.labels.items()]
        return np.dtype(columns)

    def check_against(self, spec: DatasetSpec) -> None:
        """Make sure that the dataset has these cameras.

        Raises:
            MismatchError: another camera, or another size.
        """
        for name, size in self.cameras.items():
            wanted = spec.cameras.get(name)
            if wanted != size:
                known = ", ".join(f"{n} {h}x{w}" for n, (h, w) in spec.cameras.items()) or "none"
                raise MismatchError(f"camera '{name}' gives {size[0]}x{size[1]} pictures; the dataset has: {known}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """Everything that a journal says about its episode, apart from the rows.

    Attributes:
        info: description, as far as it is known when the episode starts.
        columns: see `Columns`.
        start_utc: ISO 8601.
        software: version that records.
    """

    info: EpisodeInfo
    columns: Columns
    start_utc: str
    software: str

    def write(self, folder: Path) -> None:
        """Write it into a partial episode's folder, durably."""
        value = {"info": self.info.to_attributes(), "columns": asdict(self.columns)}
        write_atomic(folder / HEADER_FILE, json_bytes(value | {"start_utc": self.start_utc, "software": self.software}))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The header of a partial episode.

        Raises:
            CorruptError: missing or unreadable.
        """
        value = read_json(folder / HEADER_FILE)
        try:
            columns = Columns(
                cameras={name: (height, width) for name, (height, width) in value["columns"]["cameras"].items()},
                inputs=tuple(value["columns"]["inputs"]),
                labels={name: tuple(shape) for name, shape in value["columns"]["labels"].items()},
            )
            info = EpisodeInfo.from_attributes(value["info"])
            return cls(info=info, columns=columns, start_utc=value["start_utc"], software=value["software"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CorruptError(f"{folder / HEADER_FILE} cannot be read ({error!r}).") from error


def record(row: Row, columns: Columns, frames: Mapping[str, tuple[int, int]]) -> bytes:
    """The record of a row: its values and a checksum.

    Args:
        row: fits `columns`.
        columns: see `Columns`.
        frames: offset and length of each camera's picture in its shard.
    """
    value = np.zeros(1, columns.dtype)
    value["stamp_ns"], value["state"], value["action"] = row.stamp_ns, row.state, row.action
    for name, place in frames.items():
        value[f"frame_{name}"] = place
    for name in columns.inputs:
        value[f"age_{name}_s"] = row.age_s[name]
    for name in columns.labels:
        value[f"label/{name}"] = row.labels[name]
    data = value.tobytes()
    return data + checksum(data)


def read_records(folder: Path, columns: Columns) -> Records:
    """[time] records of a partial episode, up to the first one that is torn or whose pictures are."""
    try:
        data = (folder / ROWS_FILE).read_bytes()
    except FileNotFoundError:
        return np.empty(0, columns.dtype)
    size = columns.dtype.itemsize
    stride = size + CHECKSUM_BYTES
    bodies = []
    for start in range(0, len(data) - stride + 1, stride):
        body = data[start : start + size]
        if checksum(body) != data[start + size : start + stride]:
            break
        bodies.append(body)
    records = np.frombuffer(b"".join(bodies), columns.dtype)
    return records[: min((intact_frames(folder, records, name) for name in columns.cameras), default=len(records))]


def intact_frames(folder: Path, records: Records, camera: str) -> int:
    """How many records from the first on have an intact picture of this camera."""
    path = shard_path(folder, camera)
    places: list[tuple[int, int]] = records[f"frame_{camera}"].tolist()
    try:
        with path.open("rb") as file:
            for row, (offset, length) in enumerate(places):
                file.seek(offset)
                # Each frame is read by itself, so that an hour of pictures never stands in memory.
                checked_frame(file.read(length), (0, length), f"{path} row {row}")
    except CorruptError:
        return row
    except FileNotFoundError:
        return 0
    return len(places)


def shard_path(folder: Path, camera: str) -> Path:
    """The growing shard of a camera."""
    return folder / f"image_{camera}" / SHARD_FILE
