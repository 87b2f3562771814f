"""Conversion of OpenHLM recordings into an hlm dataset: episodes are kept whole, split, or rejected; never glued."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from hlm.core.errors import CorruptError, HlmError, MismatchError
from hlm.core.files import storage_errors
from hlm.datasets.convert.openhlm import Recording, is_long_enough, pieces, read_hands, read_recording
from hlm.datasets.convert.openhlm_grippers import Hands, Scales, find_scales
from hlm.datasets.convert.openhlm_recordings import find_sizes
from hlm.datasets.convert.options import Options
from hlm.datasets.convert.report import Conversion, Converted, Show
from hlm.datasets.convert.staging import Stage
from hlm.datasets.schema import RECORDING, DatasetSpec, Json, Step
from hlm.datasets.store.attributes import group_attributes, write_attributes
from hlm.datasets.writer import DatasetWriter, EpisodeWriter

# The robot that OpenHLM records.
EMBODIMENT = "unitree_g1"

type ShowStep = Callable[[int], None]


class _Source(NamedTuple):
    """What all episodes of a recording are read with."""

    root: Path
    options: Options
    scales: Scales


def import_openhlm(root: Path, folders: list[Path], stage: Stage, options: Options, show: Show) -> Conversion:
    """Write an hlm dataset from a recording.

    An episode with broken steps, a short video or gaps in time is split into its pieces of whole, consecutive steps. It
    is rejected if none is long enough, if a video cannot be read, or if it has another rate or image size.

    Args:
        root: folder of the recording.
        folders: folders of the episodes, at least one.
        stage: where to write; episodes that are complete there stay.
        options: options for reading.
        show: called with the number of converted steps and of all steps.

    Raises:
        MissingFileError: no episode has a video that can be read.
        InputError: every episode was rejected, or the unit of the grippers is ambiguous.
    """
    sizes, total = find_sizes(folders, options)
    source = _Source(root, options, find_scales(_hands(folders), options.rate_hz, options.grippers))
    spec = DatasetSpec(embodiment=EMBODIMENT, rate_hz=options.rate_hz, cameras=sizes)
    converted: list[Converted] = []
    done = 0
    with stage.writer(spec) as writer:
        for folder in folders:
            show_step: ShowStep = lambda step, before=done: show(before + step, total)  # type: ignore[misc]  # noqa: E731
            name = _name(folder, root)
            outcome = stage.progress.outcome(name)
            if outcome is None:
                outcome = stage.progress.add(_import_one(writer, folder, source, show_step))
            converted.append(outcome)
            done += outcome.found
    conversion = Conversion(dataset=root.name, format="openhlm", episodes=tuple(converted), notes=source.scales.notes)
    conversion.must_have_episodes()
    return conversion


def _name(folder: Path, root: Path) -> str:
    return str(folder.relative_to(root)) if folder != root else folder.name


def _hands(folders: list[Path]) -> Iterator[Hands]:
    """The hands of all teleoperated episodes that can be read."""
    for folder in folders:
        # Why it cannot be read is said when it is its turn.
        with suppress(HlmError), storage_errors("read", folder):
            if (hands := read_hands(folder)) is not None:
                yield hands


def _import_one(writer: DatasetWriter, folder: Path, source: _Source, show: ShowStep) -> Converted:
    name, found = _name(folder, source.root), 0
    try:
        with storage_errors("read", folder):
            recording = read_recording(folder, name, source.options, source.scales)
        found = len(recording)
        kept = pieces(recording, source.options.rate_hz)
        _check_sizes(recording, writer.spec)
    except HlmError as error:
        # The dataset keeps the reason; where it came from on this machine is nobody's business.
        reason = str(error).replace(f"{folder}/", "").rstrip(".")
        return Converted(name=name, episodes=(), steps=0, found=found, reason=reason)
    identity = f"{source.root.name}/{name}"
    return _write(writer, recording, kept, identity, show)


def _check_sizes(recording: Recording, spec: DatasetSpec) -> None:
    for camera, video in recording.videos.items():
        if camera not in spec.cameras:
            raise CorruptError(f"the video of {camera} is {video.path.name}, which no other episode has")
        if video.size != spec.cameras[camera]:
            found, wanted = (f"{height}x{width}" for height, width in (video.size, spec.cameras[camera]))
            raise MismatchError(f"{video.path.name} is {found}, most are {wanted}; convert it into another dataset")


def _write(
    writer: DatasetWriter, recording: Recording, kept: list[tuple[int, int]], identity: str, show: ShowStep
) -> Converted:
    """Write the pieces of a recording; `identity` is what they have in common."""
    whole = kept == [(0, len(recording))]
    reasons = [] if whole else [str(recording.faults)]
    steps = _until_broken(recording.steps([step for piece in kept for step in range(*piece)]), reasons)
    made: list[tuple[EpisodeWriter, int]] = []
    for start, stop in kept:
        episode = writer.episode(recording.info)
        try:
            _append(episode, steps, (start, stop), show)
            if len(episode) < stop - start and not is_long_enough(len(episode), writer.spec.rate_hz):
                episode.discard()
                break
            end = start + len(episode)
            extra: dict[str, Json] = {}
            if reasons:
                conversion: dict[str, Json] = {
                    "steps": [start, end],
                    "of": len(recording),
                    "reason": "; ".join(reasons),
                }
                extra = {"conversion": conversion, RECORDING: identity}
            path = episode.commit(extra=extra)
        except BaseException:
            # The folder is deleted anyway; a warning that the episode can be recovered would be wrong.
            if episode.is_open:
                episode.discard()
            raise
        changes = {"start_utc": recording.start_utc(start), "software": recording.software}
        write_attributes(path, group_attributes(path) | changes)
        made.append((episode, len(episode)))
        if end < stop:
            break
    return Converted(
        name=recording.name,
        episodes=tuple(episode.number for episode, _ in made),
        steps=sum(length for _, length in made),
        found=len(recording),
        reason="; ".join(reasons),
    )


def _append(episode: EpisodeWriter, steps: Iterator[Step], piece: tuple[int, int], show: ShowStep) -> None:
    """Append the next steps, which are those of a piece, as far as there are any. The first one has stamp 0."""
    start, stop = piece
    first_ns = None
    for number in range(start, stop):
        step = next(steps, None)
        if step is None:
            return
        first_ns = step.stamp_ns if first_ns is None else first_ns
        episode.append(replace(step, stamp_ns=step.stamp_ns - first_ns))
        show(number + 1)


def _until_broken(steps: Iterator[Step], reasons: list[str]) -> Iterator[Step]:
    """The steps up to the first whose image cannot be decoded or is none; the reason is added to `reasons`."""
    try:
        yield from steps
    except (CorruptError, MismatchError) as error:
        reasons.append(str(error))
