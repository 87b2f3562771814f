"""The journal of an open episode: all that is needed to finish it, valid at any moment up to its last whole record.

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
    """Columns of the records of an episode; all steps have the same.

    Attributes:
        cameras: (height, width) of the images in pixels, by camera.
        inputs: names of the inputs whose ages are recorded.
        privileged: shape of each privileged quantity, by name.
    """

    cameras: Mapping[str, tuple[int, int]]
    inputs: tuple[str, ...]
    privileged: Mapping[str, tuple[int, ...]]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a record, without padding. `frame_<camera>` is offset and length in the camera's shard."""
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
    """Header of a journal: everything about the episode except its steps.

    Attributes:
        description: attributes that describe the episode, as far as they are known when it starts.
        columns: columns of the records.
        start_utc: start of the episode, ISO 8601.
        software: version of hlm that records.
    """

    description: Mapping[str, Any]
    columns: Columns
    start_utc: str
    software: str

    def write(self, folder: Path) -> None:
        """Write the header into a partial episode's folder, durably."""
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
        """Read the header of a partial episode.

        Raises:
            CorruptError: the header is missing, damaged or unreadable.
            MismatchError: the header has another version of the schema.
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
    """[time] records of a partial episode, up to the first one that is damaged or whose images are."""
    records = read_journal(folder, columns)
    return records[: min((intact_frames(folder, records, name) for name in columns.cameras), default=len(records))]


def read_journal(folder: Path, columns: Columns) -> Records:
    """[time] records of a partial episode, up to the first one that is damaged. Images are not checked."""
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
    """Number of whole records in a journal, damaged ones included."""
    try:
        return (folder / STEPS_FILE).stat().st_size // (columns.dtype.itemsize + CHECKSUM_BYTES)
    except FileNotFoundError:
        return 0


def intact_frames(folder: Path, records: Records, camera: str) -> int:
    """Number of records, from the first on, whose image of this camera is intact."""
    path = shard_path(folder, camera)
    places: list[list[int]] = records[f"frame_{camera}"].tolist()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        for step, place in enumerate(places):
            try:
                # Frame by frame, so that an hour of images is never in memory at once.
                read_frame(descriptor, place, f"{path} step {step}")
            except CorruptError:
                return step
    finally:
        os.close(descriptor)
    return len(places)


def shard_path(folder: Path, camera: str) -> Path:
    """File of a camera's growing shard."""
    return folder / f"image_{camera}" / SHARD_FILE
