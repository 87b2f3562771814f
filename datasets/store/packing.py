"""Conversion of a finished journal into an episode: shards are sealed in place, columns become arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from hlm.core.errors import CorruptError, ExistsError
from hlm.core.files import NEW, sync_folder, write_durable
from hlm.datasets.store.arrays import dimension_names, read_array, write_array, write_image_metadata
from hlm.datasets.store.attributes import group_metadata, write_attributes
from hlm.datasets.store.journal import HEADER_FILE, STEPS_FILE, Columns, Header, Records, shard_path
from hlm.datasets.store.naming import METADATA, PARTIAL, PRIVILEGED, array_names
from hlm.datasets.store.notes import NOTE_FILES
from hlm.datasets.store.shard import Frames, seal
from hlm.datasets.store.version import SCHEMA_VERSION


def pack(
    folder: Path, header: Header, records: Records, description: Mapping[str, Any], *, recovered: bool = False
) -> Path:
    """Complete a partial episode. Images stay where they are, byte for byte.

    Packing can be killed at any moment and started again: the journal is deleted last, after the attributes, which mark
    the episode as complete, were written.

    Args:
        folder: the partial episode; nobody may be writing to it.
        header: header of its journal.
        records: [time] valid records of its journal, at least one.
        description: attributes that describe the episode.
        recovered: whether the recording of the episode was interrupted.

    Returns:
        Folder of the episode.
    """
    columns = header.columns
    for camera, size in columns.cameras.items():
        path = shard_path(folder, camera)
        seal(path, records[f"frame_{camera}"])
        write_image_metadata(path.parent, (len(records), *size, 3))
    if columns.privileged:
        (folder / PRIVILEGED).mkdir(exist_ok=True)
        write_durable(folder / PRIVILEGED / METADATA, group_metadata({}))
    for name in array_names(columns.inputs, columns.privileged):
        write_array(folder / name, records[name], dimension_names(name, records[name].ndim))
    check_packed(folder, columns, records)
    attributes = {
        **description,
        "schema_version": SCHEMA_VERSION,
        "steps": len(records),
        "cameras": list(columns.cameras),
        "inputs": list(columns.inputs),
        "privileged": list(columns.privileged),
        "start_utc": header.start_utc,
        "software": header.software,
        "recovered": recovered,
    }
    write_attributes(folder, attributes)
    return finish(folder)


def finish(folder: Path) -> Path:
    """Drop the journal of a complete partial episode and give the folder its final name, durably.

    Raises:
        ExistsError: an episode of that number exists.
    """
    episode = folder.with_name(folder.name.removesuffix(PARTIAL))
    if episode.exists():
        raise ExistsError(f"{episode} is already there; {folder.name} is left as it is.")
    for name in (STEPS_FILE, *NOTE_FILES, HEADER_FILE, HEADER_FILE + NEW):
        (folder / name).unlink(missing_ok=True)
    sync_folder(folder)
    folder.rename(episode)
    sync_folder(episode.parent)
    return episode


def check_packed(folder: Path, columns: Columns, records: Records) -> None:
    """Check that a packed episode reads back as it was recorded.

    Raises:
        CorruptError: it does not.
    """
    for name in array_names(columns.inputs, columns.privileged):
        if read_array(folder / name).tobytes() != records[name].tobytes():
            raise CorruptError(f"{folder / name} does not read back as it was recorded.")
    for camera in columns.cameras:
        with Frames(shard_path(folder, camera).parent) as frames:
            if not np.array_equal(frames.index, records[f"frame_{camera}"]):
                raise CorruptError(f"{shard_path(folder, camera)} does not read back as it was recorded.")
