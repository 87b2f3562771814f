"""Conversion of an hlm dataset into a replay buffer of UMI and Diffusion Policy (Zarr format 2).

`data/` holds an array for each quantity, with the steps of all episodes one after the other; `meta/episode_ends` says
where each episode ends. A chunk of images is a JPEG file of the dataset, byte for byte, under the codec that UMI's
`register_codecs()` knows as `imagecodecs_jpeg`; AVIF files become JPEG files. UMI reads such a buffer from a folder, or
from one `.zarr.zip` file.
Source: `diffusion_policy/common/replay_buffer.py`, `scripts_slam_pipeline/07_generate_replay_buffer.py`.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hlm.core.errors import MismatchError
from hlm.core.serialization import json_bytes
from hlm.datasets.convert.report import Conversion, Converted, Show
from hlm.datasets.reader import Dataset, Episode
from hlm.datasets.store.images import as_jpeg

ZIP = ".zip"
# Size of a chunk of low-dimensional numbers, as in Diffusion Policy.
CHUNK_BYTES = 2_000_000
# For whoever writes to the buffer; a JPEG file says itself how to read it.
LEVEL = 95
DATA, META, EPISODE_ENDS = "data", "meta", "episode_ends"


def export_umi(
    dataset: Dataset, episodes: Sequence[Episode], target: Path, cameras: Mapping[str, str], show: Show
) -> Conversion:
    """Write a replay buffer from some episodes.

    Args:
        dataset: the dataset.
        episodes: episodes of the dataset, at least one.
        target: folder to write, or a file if the name ends with `.zip`.
        cameras: names of the cameras in the buffer, by hlm's; each episode must have all of them.
        show: called with the number of converted images and of all images.

    Raises:
        MismatchError: the episodes do not fit into one buffer; the text says why.
        CorruptError: an episode is damaged.
    """
    import zarr

    _check(episodes, cameras)
    folder = target.with_suffix("") if target.suffix == ZIP else target
    root = zarr.create_group(folder, zarr_format=2, attributes={"hlm": _description(dataset, episodes, cameras)})
    ends = np.cumsum([len(episode) for episode in episodes], dtype=np.int64)
    root.create_group(META).create_array(EPISODE_ENDS, data=ends, chunks=ends.shape, compressors=None)
    data = root.create_group(DATA)
    columns, partial = _columns(episodes)
    for name in columns:
        array = np.concatenate([_arrays(episode)[name] for episode in episodes])
        step_bytes = max(array[0].nbytes, 1)
        chunks = (min(len(array), max(1, CHUNK_BYTES // step_bytes)), *array.shape[1:])
        data.create_array(name, data=array, chunks=chunks, compressors=None)
    steps, done = int(ends[-1]), 0
    for old, new in cameras.items():
        _add_camera(folder / DATA / new, (steps, *dataset.spec.cameras[old], 3))
        for step, jpeg in enumerate(_jpegs(episodes, old)):
            (folder / DATA / new / f"{step}.0.0.0").write_bytes(jpeg)
            done += 1
            show(done, steps * len(cameras))
    if folder != target:
        _zip(folder, target)
    converted = tuple(
        Converted(name=episode.path.name, episodes=(number,), steps=len(episode), found=len(episode))
        for number, episode in enumerate(episodes)
    )
    left_out = [f"camera {name}" for name in dataset.spec.cameras if name not in cameras]
    left_out += [f"{name}, which not every episode has" for name in partial]
    return Conversion(dataset=dataset.path.name, format="hlm", episodes=converted, left_out=tuple(left_out))


def camera_names(cameras: Sequence[str]) -> dict[str, str]:
    """UMI's names of cameras (`camera0_rgb`, ...), by hlm's."""
    return {name: f"camera{number}_rgb" for number, name in enumerate(cameras)}


def _check(episodes: Sequence[Episode], cameras: Mapping[str, str]) -> None:
    for episode in episodes:
        missing = [name for name in cameras if name not in episode.cameras]
        if missing:
            raise MismatchError(
                f"{episode.path} has no camera '{missing[0]}', and a replay buffer has every camera for every step. "
                "Choose --cameras that all of them have, or convert these --episodes apart."
            )


def _arrays(episode: Episode) -> dict[str, np.ndarray[Any, Any]]:
    """[time, ...] arrays of an episode, by name in the buffer."""
    arrays: dict[str, np.ndarray[Any, Any]] = {"state": episode.state, "action": episode.action}
    arrays |= {"stamp_ns": episode.stamp_ns}
    arrays |= {f"age_{name}_s": episode.age_s(name) for name in episode.inputs}
    return arrays | {f"privileged_{name}": episode.privileged_quantity(name) for name in episode.privileged}


def _columns(episodes: Sequence[Episode]) -> tuple[list[str], list[str]]:
    """Names of arrays that all episodes have in the same shape, and of the others."""
    shapes: dict[str, list[tuple[int, ...]]] = {}
    for episode in episodes:
        for name, array in _arrays(episode).items():
            shapes.setdefault(name, []).append(array.shape[1:])
    everywhere = [name for name, found in shapes.items() if len(found) == len(episodes) and len(set(found)) == 1]
    return everywhere, [name for name in shapes if name not in everywhere]


def _description(dataset: Dataset, episodes: Sequence[Episode], cameras: Mapping[str, str]) -> dict[str, Any]:
    """Attributes of the buffer's root, for what a replay buffer has no place for."""
    described = [{"number": episode.number, **episode.attributes} for episode in episodes]
    return {
        "dataset": dataset.spec.to_attributes(),
        "cameras": {new: old for old, new in cameras.items()},
        "episodes": described,
    }


def _add_camera(folder: Path, shape: tuple[int, ...]) -> None:
    """Describe the JPEG files in a folder as an array.

    By hand, because the codec's own description has parameters that UMI's older copy of the codec does not know.
    """
    folder.mkdir()
    codec = {"id": "imagecodecs_jpeg", "level": LEVEL}
    array = {"zarr_format": 2, "shape": shape, "chunks": [1, *shape[1:]], "dtype": "|u1", "compressor": codec}
    (folder / ".zarray").write_bytes(json_bytes({**array, "fill_value": 0, "order": "C", "filters": None}))


def _jpegs(episodes: Sequence[Episode], camera: str) -> Iterator[bytes]:
    for episode in episodes:
        with episode.frames(camera) as frames:
            yield from (as_jpeg(frames.file(step), frames.shape[1:3]) for step in range(len(episode)))


def _zip(folder: Path, target: Path) -> None:
    """Pack the files of a buffer into one, without compressing them again."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))
    shutil.rmtree(folder)
