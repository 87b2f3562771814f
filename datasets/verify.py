"""Verification of datasets: finds every problem, from flipped bits to frozen cameras."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hlm.core.embodiments.catalog import EMBODIMENTS
from hlm.core.errors import CorruptError, HlmError
from hlm.core.files import storage_errors
from hlm.core.layout import DIMENSIONS
from hlm.datasets import checks
from hlm.datasets.checks import Finding
from hlm.datasets.command import command_text
from hlm.datasets.reader import Episode, read_attributes, read_spec
from hlm.datasets.schema import PAUSES_NS, DatasetSpec
from hlm.datasets.store.arrays import IMAGE_DIMENSIONS, check_metadata, dimension_names, read_array
from hlm.datasets.store.attributes import check_attributes, group_attributes
from hlm.datasets.store.checksum import checksum
from hlm.datasets.store.consolidated import stale_consolidated
from hlm.datasets.store.images import decode
from hlm.datasets.store.journal import HEADER_FILE, STEPS_FILE
from hlm.datasets.store.naming import numbered_episodes
from hlm.datasets.store.notes import NOTE_FILES

type Arrays = dict[str, np.ndarray[Any, Any]]
type Show = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """A problem of a dataset.

    Attributes:
        episode: number of the episode; None if the problem is about the dataset.
        step: first affected step; None if the problem is not about one step.
        array: name of the array; empty if the problem is not about one array.
        text: description of the problem.
    """

    episode: int | None
    step: int | None
    array: str
    text: str


def verify(path: Path | str, show: Show = lambda done, total: None) -> list[Problem]:
    """Find all problems of a dataset, which is read completely, images included.

    Episodes are read in parallel, on as many cores as the process may use. An episode that cannot be read is a problem
    like any other and does not keep the others from being checked.

    Args:
        path: folder of the dataset.
        show: called with the number of checked episodes and of all episodes.

    Raises:
        MissingFileError: there is no dataset at `path`.
        MismatchError: the dataset has another version of the schema.
        CorruptError: its attributes cannot be read.
    """
    path = Path(path)
    spec = read_spec(path)
    problems = list(_dataset_problems(path, spec))
    with storage_errors("read", path):
        folders = numbered_episodes(path, partial=False)
    pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)))
    try:
        found = pool.map(lambda item: verify_episode(item[1], item[0], spec), folders)
        for done, problems_of_one in enumerate(found, 1):
            problems += problems_of_one
            show(done, len(folders))
    finally:
        pool.shutdown(cancel_futures=True)
    return problems


def verify_episode(folder: Path, number: int, spec: DatasetSpec) -> list[Problem]:
    """Find all problems of one episode."""
    findings: list[Finding] = []
    try:
        with storage_errors("read", folder):
            # One by one, so that findings are kept if a later read fails.
            for finding in _episode_findings(Episode(folder, number), spec):
                findings.append(finding)
    except HlmError as error:
        findings.append(Finding(None, "", str(error)))
    return [Problem(episode=number, step=item.step, array=item.array, text=item.text) for item in findings]


def _dataset_problems(path: Path, spec: DatasetSpec) -> Iterator[Problem]:
    texts = []
    try:
        check_attributes(read_attributes(path), path)
    except CorruptError as error:
        texts.append(str(error))
    if spec.embodiment not in EMBODIMENTS:
        texts.append(f"embodiment '{spec.embodiment}' is unknown; joint limits are not checked")
    with storage_errors("read", path):
        if stale := stale_consolidated(path):
            texts.append(
                f"its consolidated metadata, which Zarr reads first, is out of date for {stale[0]}"
                f"{f' and {len(stale) - 1} more' if len(stale) > 1 else ''}; `zarr.consolidate_metadata` renews it"
            )
    yield from (Problem(episode=None, step=None, array="", text=text) for text in texts)
    with storage_errors("read", path):
        for number, _ in numbered_episodes(path, partial=True):
            yield Problem(episode=number, step=None, array="", text=f"unfinished; run `hlm data recover {path}`")


def _episode_findings(episode: Episode, spec: DatasetSpec) -> Iterator[Finding]:
    yield from _description_findings(episode)
    arrays: Arrays = {}
    for name, kind, shape in _low_dimensional(episode):
        try:
            arrays[name] = _read(episode.path / name, name, kind, shape)
        except HlmError as error:
            yield Finding(None, name, str(error))
    images: dict[str, list[bytes]] = {}
    for camera in episode.cameras:
        try:
            images[camera], damaged = _read_images(episode, camera, spec)
            yield from damaged
        except HlmError as error:
            yield Finding(None, f"image_{camera}", str(error))
    lengths = {name: len(array) for name, array in arrays.items()}
    lengths |= {f"image_{camera}": len(sums) for camera, sums in images.items()}
    unequal = list(checks.length_findings(lengths, len(episode)))
    yield from unequal
    if not unequal:
        yield from _content_findings(arrays, images, spec, _pauses_ns(episode))


def _pauses_ns(episode: Episode) -> set[tuple[int, int]]:
    """Last and first instants around the pauses that an episode says it had."""
    said = episode.info.extra.get(PAUSES_NS)
    pairs = said if isinstance(said, list) else []
    return {(pair[0], pair[1]) for pair in pairs if isinstance(pair, list) and len(pair) == 2}


def _description_findings(episode: Episode) -> Iterator[Finding]:
    groups = [episode.path, *([episode.path / "privileged"] if episode.privileged else [])]
    for group in groups:
        try:
            check_attributes(group_attributes(group), group)
        except CorruptError as error:
            yield Finding(None, "", str(error))
    if not episode.info.instruction.strip():
        yield Finding(None, "", "no instruction")
    try:
        command_text(episode)
    except CorruptError as error:
        yield Finding(None, "", str(error))
    for name in (HEADER_FILE, STEPS_FILE, *NOTE_FILES):
        if (episode.path / name).exists():
            yield Finding(None, "", f"{name} is left over from recording; delete it")


def _content_findings(
    arrays: Arrays, images: dict[str, list[bytes]], spec: DatasetSpec, pauses_ns: set[tuple[int, int]]
) -> Iterator[Finding]:
    state, action = arrays.get("state"), arrays.get("action")
    embodiment = EMBODIMENTS.get(spec.embodiment)
    if "stamp_ns" in arrays:
        yield from checks.stamp_findings(arrays["stamp_ns"], spec.rate_hz, pauses_ns)
    for name, array in arrays.items():
        if name.startswith("age_"):
            yield from checks.age_findings(name, array)
        elif name != "stamp_ns":
            yield from checks.finite_findings(name, array)
        if name in ("state", "action") and embodiment is not None:
            yield from checks.limit_findings(name, array, embodiment)
    if state is not None:
        for camera, sums in images.items():
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
    return [*fixed, *ages, *((f"privileged/{name}", "float32", None) for name in episode.privileged)]


def _read(folder: Path, name: str, kind: str, shape: tuple[int, ...] | None) -> np.ndarray[Any, Any]:
    """Read an array, after checking its type and shape."""
    with storage_errors("read", folder):
        array = read_array(folder)
        if array.dtype != np.dtype(kind) or not array.ndim or shape not in (None, array.shape[1:]):
            wanted = f"{kind} [time{''.join(f', {size}' for size in shape or ())}]"
            raise CorruptError(f"is {array.dtype} {list(array.shape)}, expected {wanted}")
        check_metadata(folder, dimension_names(name, array.ndim))
    return array


def _read_images(episode: Episode, camera: str, spec: DatasetSpec) -> tuple[list[bytes], list[Finding]]:
    """Read the checksum of each step's image, and find damaged images."""
    name = f"image_{camera}"
    sums: list[bytes] = []
    texts: dict[int, str] = {}
    with storage_errors("read", episode.path / name), episode.frames(camera) as frames:
        check_metadata(episode.path / name, IMAGE_DIMENSIONS)
        size = frames.shape[1:3]
        if size != spec.cameras.get(camera):
            known = ", ".join(f"{n} {h}x{w}" for n, (h, w) in spec.cameras.items()) or "none"
            raise CorruptError(f"is {size[0]}x{size[1]}; the dataset has: {known}")
        for step in range(len(frames)):
            try:
                image = frames.file(step)
                decode(image, size)
                sums.append(checksum(image))
            except CorruptError as error:
                texts[step] = str(error)
                # A damaged image must not equal any other.
                sums.append(f"damaged {step}".encode())
    return sums, list(_damaged(name, texts, len(sums)))


def _damaged(name: str, texts: dict[int, str], steps: int) -> Iterator[Finding]:
    """One finding for each stretch of steps with damaged images."""
    for start, stop in checks.runs([step in texts for step in range(steps)]):
        more = f" So are those after it, up to step {stop - 1}." if stop > start + 1 else ""
        yield Finding(start, name, texts[start] + more)
