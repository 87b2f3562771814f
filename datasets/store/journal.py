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

from hlm.core.errors import CorruptError, InputError, MismatchError
from hlm.core.layout import DIMENSIONS
from hlm.datasets.schema import SCHEMA_VERSION, DatasetSpec, EpisodeInfo, Step, check_version, checked_name
from hlm.datasets.store.arrays import check_attributes, sealed
from hlm.datasets.store.shard import SHARD_FILE, read_frame
from hlm.datasets.store.storage import CHECKSUM_BYTES, checksum, json_bytes, read_json, write_atomic

HEADER_FILE = "journal.json"
STEPS_FILE = "journal.steps"

type Records = np.ndarray[Any, Any]


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

    @classmethod
    def of(cls, step: Step) -> Self:
        """The columns of a step."""
        return cls(
            cameras={name: (image.shape[0], image.shape[1]) for name, image in step.images.items()},
            inputs=tuple(sorted(step.age_s)),
            privileged={name: value.shape for name, value in step.privileged.items()},
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
        columns += [(f"privileged/{name}", "<f4", shape) for name, shape in self.privileged.items()]
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
                raise MismatchError(f"camera '{name}' gives {size[0]}x{size[1]} images; the dataset has: {known}.")


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """Everything that a journal says about its episode, apart from the steps.

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
        value = {
            "schema_version": SCHEMA_VERSION,
            "info": self.info.to_attributes(),
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
            info = EpisodeInfo.from_attributes(value["info"])
            return cls(info=info, columns=columns, start_utc=value["start_utc"], software=value["software"])
        except (KeyError, TypeError, ValueError, AttributeError, InputError) as error:
            raise CorruptError(f"{folder / HEADER_FILE} cannot be read ({error!r}).") from error


def record(step: Step, columns: Columns, frames: Mapping[str, tuple[int, int]]) -> bytes:
    """The record of a step: its values and a checksum.

    Args:
        step: fits `columns`.
        columns: see `Columns`.
        frames: offset and length of each camera's image in its shard.
    """
    value = np.zeros(1, columns.dtype)
    value["stamp_ns"], value["state"], value["action"] = step.stamp_ns, step.state, step.action
    for name, place in frames.items():
        value[f"frame_{name}"] = place
    for name in columns.inputs:
        value[f"age_{name}_s"] = step.age_s[name]
    for name in columns.privileged:
        value[f"privileged/{name}"] = step.privileged[name]
    data = value.tobytes()
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
