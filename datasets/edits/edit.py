"""Edits of datasets: in place, merging several into one, splitting one into several.

Each takes the locks of the datasets that it reads and writes, and is atomic. With `dry_run` it only reports what it
would do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from hlm.core.errors import InputError, MismatchError
from hlm.core.wording import counted
from hlm.datasets.edits.content import Content, copying, editing
from hlm.datasets.edits.draft import Draft
from hlm.datasets.edits.operations import with_cameras
from hlm.datasets.edits.versions import Show, Version, create_datasets, quiet, replace_dataset
from hlm.datasets.selection import ranges


def edit(
    path: Path | str, operation: Callable[[Content], Version], *, dry_run: bool = False, show: Show = quiet
) -> Version | None:
    """Edit a dataset in place. The version before the edit is kept, see `hlm.datasets.edits.versions.undo`.

    Args:
        path: folder of the dataset.
        operation: one of `hlm.datasets.edits.operations`, e.g. `lambda content: delete(content, ["3", "5-7"])`.
        dry_run: only report what would be done.
        show: called with the number of finished episodes and of all episodes.

    Returns:
        The new version of the dataset; None if nothing changes.

    Raises:
        MissingFileError: there is no dataset at `path`.
        LockedError: another process is writing the dataset.
        InputError: the operation refuses, or the dataset has no episodes, or unfinished ones.
        StorageError: the disk refused. The dataset is unchanged.
    """
    with editing(path) as content:
        version = operation(content)
        if _same(content, version):
            return None
        if not dry_run:
            replace_dataset(content.path, version, show)
    return version


def _same(content: Content, version: Version) -> bool:
    """Whether an edit changes nothing."""
    unchanged = [Draft(folder=folder, number=number) for number, folder in content.folders.items()]
    return list(version.drafts) == unchanged and version.attributes == content.attributes


def merge(paths: Sequence[Path | str], into: Path | str, *, dry_run: bool = False, show: Show = quiet) -> Version:
    """Copy the episodes of several datasets into a new one, in their order, numbered from 0.

    Raises:
        InputError: fewer than two datasets, or one of them has no episodes, or unfinished ones.
        MismatchError: datasets of different embodiments, rates or image sizes, or of an older schema.
        CorruptError: an episode cannot be read.
        ExistsError: the target exists.
        StorageError: the disk refused. Nothing is left behind.
    """
    if len({Path(path).resolve() for path in paths}) < max(len(paths), 2):
        raise InputError("merging needs two or more datasets, each named once.")
    with ExitStack() as stack:
        contents = [stack.enter_context(copying(path)) for path in paths]
        version = _merged(contents)
        if not dry_run:
            create_datasets({Path(into): version}, show)
    return version


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """How `split` assigns episodes: by a selection, or at random by fractions.

    Attributes:
        selection: terms that select the first part, see `hlm.datasets.selection`. The second part gets the rest.
        fractions: fraction of the episodes for each part; the sum is 1.
        seed: seed of the random assignment.
    """

    selection: tuple[str, ...] = ()
    fractions: tuple[float, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        """Check that it is one or the other, and the sum."""
        if bool(self.selection) == bool(self.fractions):
            raise InputError("give either a selection for the first part, or a fraction for each part.")
        if self.fractions and (min(self.fractions) <= 0.0 or abs(sum(self.fractions) - 1.0) > 1e-6):
            raise InputError(f"fractions must be positive and sum to 1, got {', '.join(map(str, self.fractions))}.")

    @property
    def parts(self) -> int:
        """Number of parts."""
        return len(self.fractions) or 2


def split(
    path: Path | str, into: Sequence[Path | str], share: Share, *, dry_run: bool = False, show: Show = quiet
) -> list[Version]:
    """Copy the episodes of a dataset into several new ones, each in the old order, numbered from 0.

    Returns:
        The version of each new dataset.

    Raises:
        InputError: the numbers of parts and paths differ, or a part would get no episode.
        CorruptError: an episode cannot be read.
        ExistsError: a target exists.
        StorageError: the disk refused. Nothing is left behind.
    """
    targets = [Path(target) for target in into]
    if len({target.resolve() for target in targets}) != share.parts or len(targets) != share.parts:
        raise InputError(f"{share.parts} parts need {share.parts} different paths, got {len(targets)}.")
    with copying(path) as content:
        content.readable(content.folders)
        versions = []
        for target, numbers in zip(targets, _parts(content, share), strict=True):
            if not numbers:
                raise InputError(
                    f"{target} would get none of the {counted(len(content.folders), 'episode')} of {path}."
                )
            drafts = tuple(Draft(folder=content.folders[one], number=place) for place, one in enumerate(numbers))
            did = f"copy {len(numbers)} of {counted(len(content.folders), 'episode')} into {target}: {ranges(numbers)}"
            versions.append(Version(attributes=content.attributes, drafts=drafts, did=did))
        if not dry_run:
            create_datasets(dict(zip(targets, versions, strict=True)), show)
    return versions


def _parts(content: Content, share: Share) -> list[list[int]]:
    numbers = list(content.folders)
    if share.selection:
        chosen = content.choose(share.selection)
        return [chosen, [number for number in numbers if number not in set(chosen)]]
    drawn = np.random.default_rng(share.seed).permutation(numbers)
    edges = np.round(np.cumsum((0.0, *share.fractions)) * len(numbers)).astype(int)
    return [sorted(drawn[start:stop].tolist()) for start, stop in pairwise(edges.tolist())]


def _merged(contents: Sequence[Content]) -> Version:
    first = contents[0]
    cameras: dict[str, tuple[int, int]] = {}
    drafts: list[Draft] = []
    details = []
    for content in contents:
        for name in ("embodiment", "rate_hz"):
            ours, theirs = getattr(first.spec, name), getattr(content.spec, name)
            if ours != theirs:
                raise MismatchError(f"{content.path} has {name} {theirs}, {first.path} has {ours}; they cannot merge.")
        for camera, size in content.spec.cameras.items():
            if cameras.setdefault(camera, size) != size:
                raise MismatchError(
                    f"camera '{camera}' of {content.path} gives {size[0]}x{size[1]} images, before it "
                    f"{cameras[camera][0]}x{cameras[camera][1]}; convert or rename one of them."
                )
        episodes = content.readable(content.folders)
        numbers = range(len(drafts), len(drafts) + len(episodes))
        drafts += [Draft(folder=episode.path, number=number) for episode, number in zip(episodes, numbers, strict=True)]
        details.append(f"{content.path}: episodes {ranges(list(content.folders))} -> {ranges(numbers)}")
    did = f"copy {counted(len(drafts), 'episode')} of {counted(len(contents), 'dataset')}"
    return Version(
        attributes=with_cameras(first.attributes, cameras), drafts=tuple(drafts), did=did, details=tuple(details)
    )
