"""Copies of episodes that are cut to some of their steps. Image files are copied, never re-encoded."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from hlm.core.errors import CorruptError, MismatchError
from hlm.core.files import write_durable
from hlm.core.serialization import read_json
from hlm.datasets.reader import Episode
from hlm.datasets.store.arrays import read_array, write_array, write_image_metadata
from hlm.datasets.store.attributes import group_metadata, write_attributes
from hlm.datasets.store.checksum import checksum
from hlm.datasets.store.naming import METADATA, PRIVILEGED, array_names
from hlm.datasets.store.shard import SHARD_FILE, Frames, seal

TRIMMED = "trimmed"


def write_steps(path: Path, target: Path, start: int, stop: int) -> None:
    """Write steps `start` to `stop` (not included) of an episode into a new folder, durably.

    `start_utc` moves with the first step. `extra` counts under "trimmed" the steps that were cut off so far.

    Raises:
        CorruptError: something in these steps is damaged.
        MismatchError: the episode holds an unknown array, which may not have one entry per step.
    """
    episode = Episode(path, 0)
    names = array_names(episode.inputs, episode.privileged)
    cameras = [f"image_{camera}" for camera in episode.cameras]
    _check_known(path, {*names, *cameras})
    target.mkdir()
    if episode.privileged:
        (target / PRIVILEGED).mkdir()
        write_durable(target / PRIVILEGED / METADATA, group_metadata({}))
    for name in names:
        array = read_array(path / name)
        if len(array) != len(episode):
            raise CorruptError(f"{path / name} has {len(array)} steps, the episode has {len(episode)}.")
        write_array(target / name, array[start:stop], _dimensions(path / name))
    for camera in cameras:
        _write_frames(path / camera, target / camera, start, stop)
    write_attributes(target, _attributes(episode, start, stop))


def _check_known(folder: Path, known: set[str]) -> None:
    found = {entry.name for entry in folder.iterdir()} - {METADATA, PRIVILEGED}
    if (folder / PRIVILEGED).is_dir():
        found |= {f"{PRIVILEGED}/{entry.name}" for entry in (folder / PRIVILEGED).iterdir()} - {
            f"{PRIVILEGED}/{METADATA}"
        }
    if unknown := sorted(found - known):
        raise MismatchError(
            f"{folder} also holds {', '.join(unknown)}, which cannot be cut by steps; leave the episode out."
        )


def _dimensions(folder: Path) -> list[str]:
    names: list[str] = read_json(folder / METADATA).get("dimension_names", [])
    return names


def _write_frames(path: Path, target: Path, start: int, stop: int) -> None:
    target.mkdir()
    places, offset = [], 0
    with Frames(path) as frames, (target / SHARD_FILE).open("wb") as file:
        for step in range(start, stop):
            image = frames.file(step)
            length = file.write(image + checksum(image))
            places.append((offset, length))
            offset += length
    seal(target / SHARD_FILE, np.array(places, np.uint64))
    write_image_metadata(target, (stop - start, *frames.shape[1:]))


def _attributes(episode: Episode, start: int, stop: int) -> dict[str, Any]:
    earlier = episode.info.extra.get(TRIMMED)
    cut = {"steps_before": start, "steps_after": len(episode) - stop}
    if isinstance(earlier, dict):
        cut = {name: count + int(earlier.get(name, 0)) for name, count in cut.items()}
    later_s = float(episode.stamp_ns[start] - episode.stamp_ns[0]) * 1e-9
    return {
        **episode.attributes,
        "steps": stop - start,
        "start_utc": _later(episode.attributes.get("start_utc"), later_s),
        "extra": {**episode.info.extra, TRIMMED: cut},
    }


def _later(start_utc: object, later_s: float) -> object:
    """A later instant, in ISO 8601; anything else is returned unchanged."""
    try:
        begun = datetime.fromisoformat(str(start_utc))
    except ValueError:
        return start_utc
    return (begun + timedelta(seconds=later_s)).isoformat(timespec="milliseconds")
