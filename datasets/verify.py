"""Looking for everything that is wrong with a dataset, from flipped bytes to frozen cameras."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hlm.core.embodiment import Embodiment
from hlm.core.errors import CorruptError, HlmError
from hlm.core.layout import DIMENSIONS
from hlm.core.unitree_g1 import UNITREE_G1
from hlm.datasets import checks
from hlm.datasets.arrays import read_array
from hlm.datasets.checks import Finding
from hlm.datasets.images import decode
from hlm.datasets.reader import Episode, read_spec
from hlm.datasets.schema import DatasetSpec, numbered_episodes
from hlm.datasets.storage import checksum, storage_errors

_EMBODIMENTS: dict[str, Embodiment] = {UNITREE_G1.name: UNITREE_G1}


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Something wrong with an episode.

    Attributes:
        episode: number; None when it concerns the dataset.
        row: first row that is concerned; None when it is no single row.
        array: name; empty when it is no single array.
        text: for a person.
    """

    episode: int | None
    row: int | None
    array: str
    text: str


def verify(path: Path | str) -> list[Problem]:
    """Everything that is wrong with the dataset at `path`; it is read completely, pictures included.

    Raises:
        MissingFileError: no dataset there.
        MismatchError: a newer hlm wrote it.
    """
    path = Path(path)
    spec = read_spec(path)
    problems = []
    if spec.embodiment not in _EMBODIMENTS:
        text = f"embodiment '{spec.embodiment}' is not known; joint limits are not checked"
        problems.append(Problem(episode=None, row=None, array="", text=text))
    with storage_errors("read", path):
        for number, _ in numbered_episodes(path, partial=True):
            text = f"unfinished; run `hlm data recover {path}`"
            problems.append(Problem(episode=number, row=None, array="", text=text))
        for number, folder in numbered_episodes(path, partial=False):
            problems += verify_episode(folder, number, spec)
    return problems


def verify_episode(folder: Path, number: int, spec: DatasetSpec) -> list[Problem]:
    """Everything that is wrong with one episode."""
    try:
        episode = Episode(folder, number)
    except HlmError as error:
        return [Problem(episode=number, row=None, array="", text=str(error))]
    problems = []
    if not episode.info.instruction.strip():
        problems.append(Problem(episode=number, row=None, array="", text="no instruction"))
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    for name, kind, shape in _low_dimensional(episode):
        array, text = _read(folder / name, kind, shape)
        if array is None:
            problems.append(Problem(episode=number, row=None, array=name, text=text))
        else:
            arrays[name] = array
    pictures: dict[str, list[bytes]] = {}
    for camera in episode.cameras:
        try:
            pictures[camera], damaged = _read_pictures(episode, camera, spec)
            problems += _problems(number, damaged)
        except CorruptError as error:
            problems.append(Problem(episode=number, row=None, array=f"image_{camera}", text=str(error)))
    lengths = {name: len(array) for name, array in arrays.items()}
    lengths |= {f"image_{camera}": len(sums) for camera, sums in pictures.items()}
    unequal = list(checks.length_findings(lengths, len(episode)))
    problems += _problems(number, unequal)
    if not unequal:
        problems += _problems(number, _content_findings(arrays, pictures, spec))
    return problems


def _content_findings(
    arrays: dict[str, np.ndarray[Any, Any]], pictures: dict[str, list[bytes]], spec: DatasetSpec
) -> Iterator[Finding]:
    state, action = arrays.get("state"), arrays.get("action")
    embodiment = _EMBODIMENTS.get(spec.embodiment)
    if "stamp_ns" in arrays:
        yield from checks.stamp_findings(arrays["stamp_ns"], spec.rate_hz)
    for name, array in arrays.items():
        if name.startswith("age_"):
            yield from checks.age_findings(name, array)
        elif name != "stamp_ns":
            yield from checks.finite_findings(name, array)
        if name in ("state", "action") and embodiment is not None:
            yield from checks.limit_findings(name, array, embodiment)
    if state is not None:
        for camera, sums in pictures.items():
            yield from checks.camera_findings(f"image_{camera}", sums, state, spec.rate_hz)
        if action is not None:
            yield from checks.action_findings(action, state, spec.rate_hz)


def _low_dimensional(episode: Episode) -> list[tuple[str, str, tuple[int, ...] | None]]:
    """Name, type and shape after the time axis (None: any) of each array that an episode must have."""
    fixed: list[tuple[str, str, tuple[int, ...] | None]] = [
        ("stamp_ns", "int64", ()),
        ("state", "float32", (DIMENSIONS,)),
        ("action", "float32", (DIMENSIONS,)),
    ]
    ages = [(f"age_{name}_s", "float32", ()) for name in episode.inputs]
    return [*fixed, *ages, *((f"label/{name}", "float32", None) for name in episode.labels)]


def _read(folder: Path, kind: str, shape: tuple[int, ...] | None) -> tuple[np.ndarray[Any, Any] | None, str]:
    """The array and "", or None and what is wrong."""
    try:
        array = read_array(folder)
    except CorruptError as error:
        return None, str(error)
    if array.dtype != np.dtype(kind) or not array.ndim or shape not in (None, array.shape[1:]):
        wanted = f"{kind} [time{''.join(f', {size}' for size in shape or ())}]"
        return None, f"is {array.dtype} {list(array.shape)}, expected {wanted}"
    return array, ""


def _read_pictures(episode: Episode, camera: str, spec: DatasetSpec) -> tuple[list[bytes], list[Finding]]:
    """Checksum of each row's picture, and the pictures that are damaged."""
    sums, damaged, name = [], [], f"image_{camera}"
    with episode.frames(camera) as frames:
        size = frames.shape[1:3]
        if size != spec.cameras.get(camera):
            damaged.append(Finding(0, name, f"is {size[0]}x{size[1]}, the dataset says {spec.cameras.get(camera)}"))
        for row in range(len(frames)):
            try:
                jpeg = frames.jpeg(row)
                sums.append(checksum(jpeg))
                decode(jpeg, size)
            except CorruptError as error:
                damaged.append(Finding(row, name, str(error)))
                # A damaged picture equals no other one.
                sums = [*sums[:row], f"damaged {row}".encode()]
    return sums, damaged


def _problems(number: int, findings: Iterable[Finding]) -> list[Problem]:
    return [Problem(episode=number, row=item.row, array=item.array, text=item.text) for item in findings]
