"""The journal of an open episode: everything needed to finish it, valid up to its last complete record at any moment.

A partial episode's folder holds `journal.json` (what the records look like, and the episode's description),
`journal.steps` (fixed-size records, each with a checksum) and each camera's growing shard. A step's images are
written before its record, so a valid record means that its images are there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from hlm.core.errors import CorruptError, InputError
from hlm.core.files import write_atomic
from hlm.core.layout import DIMENSIONS
from hlm.core.serialization import json_bytes, read_json
from hlm.datasets.store.attributes import check_attributes, sealed
from hlm.datasets.store.checksum import CHECKSUM_BYTES, checksum
from hlm.datasets.store.naming import checked_name
from hlm.datasets.store.shard import SHARD_FILE, read_frame
from hlm.datasets.store.version import SCHEMA_VERSION, check_version

HEADER_FILE = "journal.json"
STEPS_FILE = "journal.steps"

type Records = np.ndarray[Any, Any]
type Values = Mapping[str, npt.ArrayLike]


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """What every step of an episode has, as its first step shows it.

    Attributes:
        cameras: (height, width) by name.
        inputs: whose age is recorded.
        privileged: shape of each privileged quantity, by name.
    """

    cameras: Mapping[str, tuple[int, int]]
    inputs: tuple[str, ...]
    privileged: Mapping[str, tuple[int, ...]]

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
        columns += [(f"privileged/{name}", "<f4", shape) for name, shape in self.privileged.items()]
        return np.dtype(columns)


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """Everything that a journal says about its episode, apart from the steps.

    Attributes:
        description: attributes that describe the episode, as far as they are known when it starts.
        columns: see `Columns`.
        start_utc: ISO 8601.
        software: version that records.
    """

    description: Mapping[str, Any]
    columns: Columns
    start_utc: str
    software: str

    def write(self, folder: Path) -> None:
        """Write it into a partial episode's folder, durably."""
        value = {
            "schema_version": SCHEMA_VERSION,
            "info": self.description,
            "columns": asdict(self.columns),
            "start_utc": self.start_utc,
            "software": self.software,
        }
        write_atomic(folder / HEADER_FILE, json_bytes(sealed(value)))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The header of a partial episode.

        Raises:
            CorruptError: missing, damaged or unreadable.
            MismatchError: another version of the schema.
        """
        value = read_json(folder / HEADER_FILE)
        check_version(value, folder)
        check_attributes(value, folder / HEADER_FILE)
        try:
            columns = Columns(
                cameras={checked_name("camera", n): (h, w) for n, (h, w) in value["columns"]["cameras"].items()},
                inputs=tuple(checked_name("input", name) for name in value["columns"]["inputs"]),
                privileged={
                    checked_name("privileged quantity", name): tuple(shape)
                    for name, shape in value["columns"]["privileged"].items()
                },
            )
            return cls(
                description=dict(value["info"]),
                columns=columns,
                start_utc=str(value["start_utc"]),
                software=str(value["software"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
            raise CorruptError(f"{folder / HEADER_FILE} cannot be read ({error!r}).") from error


def record(values: Values, columns: Columns, frames: Mapping[str, tuple[int, int]]) -> bytes:
    """The record of a step: its values and a checksum.

    Args:
        values: by array, see `hlm.datasets.store.naming.array_names`.
        columns: that the values have.
        frames: offset and length of each camera's image in its shard, bytes.
    """
    line = np.zeros(1, columns.dtype)
    for name, value in values.items():
        line[name] = value
    for name, place in frames.items():
        line[f"frame_{name}"] = place
    data = line.tobytes()
    return data + checksum(data)


def read_records(folder: Path, columns: Columns) -> Records:
    """[time] records of a partial episode, up to the first one that is torn or whose images are."""
    records = read_journal(folder, columns)
    return records[: min((intact_frames(folder, records, name) for name in columns.cameras), default=len(records))]


def read_journal(folder: Path, columns: Columns) -> Records:
    """[time] records of a partial episode, up to the first one that is torn; images are not looked at."""
    try:
        data = (folder / STEPS_FILE).read_bytes()
    except FileNotFoundError:
        return np.empty(0, columns.dtype)
    size = columns.dtype.itemsize
    stride = size + CHECKSUM_BYTES
    view = memoryview(data)
    steps = 0
    for start in range(0, len(data) - stride + 1, stride):
        middle = start + size
        if checksum(bytes(view[start:middle])) != view[middle : start + stride]:
            break
        steps += 1
    with_checksum = np.dtype([("record", columns.dtype), ("checksum", "<u4")])
    return np.frombuffer(data, with_checksum, count=steps)["record"] if steps else np.empty(0, columns.dtype)


def steps_written(folder: Path, columns: Columns) -> int:
    """How many whole records a journal holds, damaged ones included."""
    try:
        return (folder / STEPS_FILE).stat().st_size // (columns.dtype.itemsize + CHECKSUM_BYTES)
    except FileNotFoundError:
        return 0


def intact_frames(folder: Path, records: Records, camera: str) -> int:
    """How many records from the first on have an intact image of this camera."""
    path = shard_path(folder, camera)
    places: list[list[int]] = records[f"frame_{camera}"].tolist()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        for step, place in enumerate(places):
            try:
                # Each frame is read by itself, so that an hour of images never stands in memory.
                read_frame(descriptor, place, f"{path} step {step}")
            except CorruptError:
                return step
    finally:
        os.close(descriptor)
    return len(places)


def shard_path(folder: Path, camera: str) -> Path:
    """The growing shard of a camera."""
    return folder / f"image_{camera}" / SHARD_FILE
