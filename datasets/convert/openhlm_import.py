"""Conversion of OpenHLM recordings into an hlm dataset: episodes are kept whole, cut, or rejected; never glued."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from hlm.core.errors import CorruptError, HlmError, MismatchError
from hlm.core.files import storage_errors
from hlm.datasets.convert.openhlm import SHORTEST_CUT_S, Recording, read_recording, whole_steps
from hlm.datasets.convert.openhlm_recordings import Options, find_sizes
from hlm.datasets.convert.report import Conversion, Converted, Show
from hlm.datasets.schema import DatasetSpec, Json, Step
from hlm.datasets.store.attributes import group_attributes, write_attributes
from hlm.datasets.writer import DatasetWriter

# The robot that OpenHLM records.
EMBODIMENT = "unitree_g1"

type ShowStep = Callable[[int], None]


def import_openhlm(root: Path, folders: list[Path], target: Path, options: Options, show: Show) -> Conversion:
    """Write an hlm dataset from a recording.

    An episode with broken steps, a short video or a gap in time is cut to its longest stretch of whole steps. It is
    rejected if less than a second is left, if a video cannot be read, or if it has another rate or image size.

    Args:
        root: folder of the recording.
        folders: folders of the episodes, at least one.
        target: path of the new dataset.
        options: options for reading.
        show: called with the number of converted steps and of all steps.

    Raises:
        MissingFileError: no episode has a video that can be read.
        InputError: every episode was rejected.
    """
    sizes, total = find_sizes(folders, options)
    spec = DatasetSpec(embodiment=EMBODIMENT, rate_hz=options.rate_hz, cameras=sizes)
    converted: list[Converted] = []
    done = 0
    with DatasetWriter.open(target, spec) as writer:
        for folder in folders:
            show_step: ShowStep = lambda step, before=done: show(before + step, total)  # type: ignore[misc]  # noqa: E731
            converted.append(_import_one(writer, folder, root, options, show_step))
            done += converted[-1].found
    conversion = Conversion(dataset=root.name, format="openhlm", episodes=tuple(converted))
    conversion.must_have_episodes()
    return conversion


def _import_one(writer: DatasetWriter, folder: Path, root: Path, options: Options, show: ShowStep) -> Converted:
    name, found = str(folder.relative_to(root)) if folder != root else folder.name, 0
    try:
        with storage_errors("read", folder):
            recording = read_recording(folder, root, options)
        found = len(recording)
        kept = whole_steps(recording, options.rate_hz)
        _check_sizes(recording, writer.spec)
    except HlmError as error:
        return Converted(name=name, episode=None, steps=0, found=found, reason=str(error).rstrip("."))
    return _write(writer, recording, kept, show)


def _check_sizes(recording: Recording, spec: DatasetSpec) -> None:
    for camera, video in recording.videos.items():
        if camera not in spec.cameras:
            raise CorruptError(f"the video of {camera} is {video.path.name}, which no other episode has")
        if video.size != spec.cameras[camera]:
            found, wanted = (f"{height}x{width}" for height, width in (video.size, spec.cameras[camera]))
            raise MismatchError(f"{video.path.name} is {found}, most are {wanted}; convert it into another dataset")


def _write(writer: DatasetWriter, recording: Recording, kept: tuple[int, int], show: ShowStep) -> Converted:
    start, stop = kept
    reasons = [str(recording.faults)] if stop - start < len(recording) else []
    episode = writer.episode(recording.info)
    try:
        for step in _until_broken(recording.steps(start, stop), reasons):
            episode.append(step)
            show(start + len(episode))
        reason, steps, found = "; ".join(reasons), len(episode), len(recording)
        if steps < stop - start and steps < SHORTEST_CUT_S * writer.spec.rate_hz:
            episode.discard()
            return Converted(name=recording.name, episode=None, steps=0, found=found, reason=reason)
        cut: dict[str, Json] = {"steps": [start, start + steps], "of": found, "reason": reason}
        path = episode.commit(extra={"conversion": cut} if reason else {})
    except BaseException:
        # The folder is deleted anyway; a warning that the episode can be recovered would be wrong.
        if episode.is_open:
            episode.discard()
        raise
    changes = {"start_utc": recording.start_utc(start), "software": recording.software}
    write_attributes(path, group_attributes(path) | changes)
    return Converted(name=recording.name, episode=episode.number, steps=steps, found=found, reason=reason)


def _until_broken(steps: Iterator[Step], reasons: list[str]) -> Iterator[Step]:
    """The steps up to the first whose image cannot be decoded; the reason is added to `reasons`."""
    try:
        yield from steps
    except CorruptError as error:
        reasons.append(str(error))
