"""Conversion of a dataset from one format into another; hlm's own is always one of the two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hlm import __version__
from hlm.core.errors import InputError, MissingFileError, UnknownNameError
from hlm.core.files import storage_errors, write_atomic
from hlm.datasets.convert import openhlm_recordings
from hlm.datasets.convert.cameras import chosen_cameras, parse_cameras
from hlm.datasets.convert.lerobot_export import export_lerobot
from hlm.datasets.convert.lerobot_folder import LeRobotFolder
from hlm.datasets.convert.lerobot_import import import_lerobot
from hlm.datasets.convert.lerobot_info import INFO_FILE
from hlm.datasets.convert.openhlm_import import import_openhlm
from hlm.datasets.convert.options import Options
from hlm.datasets.convert.report import Conversion, Show, quiet
from hlm.datasets.convert.source_identity import source_identity
from hlm.datasets.convert.staging import Say, Stage, must_be_free, resumable, silent
from hlm.datasets.convert.umi_export import camera_names, export_umi
from hlm.datasets.reader import Episode, open_dataset
from hlm.datasets.schema import SOURCES, EpisodeInfo
from hlm.datasets.selection import chosen_episodes, parse_selection, ranges
from hlm.datasets.store.attributes import group_attributes, group_metadata
from hlm.datasets.store.images import ImageFormat
from hlm.datasets.store.naming import METADATA
from hlm.datasets.store.swap import is_there
from hlm.datasets.writer import DEFAULT_FORMAT

HLM, LEROBOT, OPENHLM, UMI = "hlm", "lerobot", "openhlm", "umi"
TARGETS = (HLM, LEROBOT, UMI)
DESCRIPTIONS = {HLM: "an hlm dataset", LEROBOT: "a LeRobot dataset", OPENHLM: "OpenHLM's recordings"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A conversion to be done.

    Attributes:
        path: an hlm dataset, a LeRobot dataset, or a folder of OpenHLM's recordings.
        target: where to write; nothing may exist there.
        to: format of the target, one of `TARGETS`. None: hlm's, if the dataset has another format.
        episodes: selection of episodes, see `hlm.datasets.selection`; in other formats by number only. Empty: all.
        cameras: cameras to convert, `NAME` or `OLD=NEW`. Empty: all that the target has a place for.
        rate_hz: steps per second that a dataset of another format must have.
        source: source of the references where the dataset does not say, one of `SOURCES`. Empty: not given.
        gripper_range: what a closed and an open gripper read in OpenHLM's recordings. None: it is found out.
        image_format: how images are stored in an hlm dataset.
    """

    path: Path
    target: Path
    to: str | None = None
    episodes: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    rate_hz: float = 30.0
    source: str = ""
    gripper_range: tuple[float, float] | None = None
    image_format: ImageFormat = DEFAULT_FORMAT

    def __post_init__(self) -> None:
        """Check the values; nothing is read.

        Raises:
            UnknownNameError: an unknown format or source.
            InputError: a rate that is not positive.
        """
        if self.to is not None and self.to not in TARGETS:
            raise UnknownNameError("format", self.to, TARGETS)
        if self.source and self.source not in SOURCES:
            raise UnknownNameError("source", self.source, SOURCES)
        if not self.rate_hz > 0.0:
            raise InputError(f"the rate must be positive, got {self.rate_hz}.")


def detect(path: Path) -> str:
    """Detect the format of the dataset at a path: `HLM`, `LEROBOT` or `OPENHLM`.

    Raises:
        MissingFileError: there is nothing that can be converted.
    """
    with storage_errors("read", path):
        there = is_there(path)
        if not path.is_dir():
            found = "a file" if there else "nothing"
            raise MissingFileError(f"nothing to convert at {path}: there is {found}.")
        if (path / METADATA).is_file():
            return HLM
        if (path / INFO_FILE).is_file():
            return LEROBOT
        if openhlm_recordings.find_recordings(path):
            return OPENHLM
    raise MissingFileError(
        f"nothing to convert at {path}: no hlm dataset ({METADATA}), no LeRobot dataset ({INFO_FILE}), and no folders "
        f"of OpenHLM's ({openhlm_recordings.EPISODE_FILE}) in it."
    )


def convert(request: Request, show: Show = quiet, say: Say = silent) -> Conversion:
    """Convert a dataset, atomically. An import that was killed goes on with the episodes that are missing.

    Args:
        request: the conversion.
        show: called with the number of converted steps and of all steps.
        say: called with lines for people, while converting.

    Raises:
        MissingFileError: there is nothing to convert.
        ExistsError: the target exists.
        InputError: neither format is hlm's, or no episode can be converted.
        HlmError: the dataset cannot be converted; the text says why.
    """
    found = detect(request.path)
    to = request.to or HLM
    if found == HLM and to == HLM:
        raise InputError(f"{request.path} is an hlm dataset already; choose --to {LEROBOT} or --to {UMI}.")
    if HLM not in (found, to):
        raise InputError(f"{request.path} is {DESCRIPTIONS[found]}; convert it to hlm first, then that to {to}.")
    if to != HLM and request.image_format != DEFAULT_FORMAT:
        raise InputError("image codec and quality are for conversions to hlm; exports have formats of their own.")
    if request.gripper_range is not None and found not in (OPENHLM, LEROBOT):
        raise InputError(f"the range of grippers is for {DESCRIPTIONS[OPENHLM]}; leave --gripper-range out.")
    must_be_free(request.target)
    build = {HLM: _export, LEROBOT: _import_lerobot, OPENHLM: _import_openhlm}[found](request, show)
    with resumable(request.target, _identity(request) if to == HLM else "", say) as stage:
        conversion = build(replace(stage, image_format=request.image_format))
        if to == HLM:
            attributes = {**group_attributes(stage.path), "conversion": conversion.to_attributes()}
            write_atomic(stage.path / METADATA, group_metadata(attributes))
    return conversion


type _Build = Callable[[Stage], Conversion]


def _identity(request: Request) -> str:
    """Equal for conversions of the same files with the same options into the same form."""
    with storage_errors("read", request.path):
        options = (__version__, replace(request, path=request.path.resolve(), target=Path()))
        return source_identity(request.path, options)


def _export(request: Request, show: Show) -> _Build:
    dataset = open_dataset(request.path)
    episodes = chosen_episodes(dataset, request.episodes)
    asked = chosen_cameras(dataset.spec.cameras, parse_cameras(request.cameras))
    if request.to == LEROBOT:
        return lambda stage: _with_gaps(export_lerobot(dataset, episodes, stage.path, asked, show), episodes)
    cameras = asked if request.cameras else camera_names(tuple(asked))
    return lambda stage: _with_gaps(export_umi(dataset, episodes, stage.path, cameras, show), episodes)


def _with_gaps(conversion: Conversion, episodes: Sequence[Episode]) -> Conversion:
    """The report with a note on episodes with gaps in time, which other formats cannot tell their readers."""
    gapped = [episode.number for episode in episodes if episode.end_of_piece(0) < len(episode)]
    if not gapped:
        return conversion
    note = f"episodes with gaps in time, over which readers of the new dataset reach: {ranges(gapped)}"
    return replace(conversion, notes=(*conversion.notes, note))


def _import_lerobot(request: Request, show: Show) -> _Build:
    folder = LeRobotFolder(request.path)
    numbers = _numbers(request, folder.numbers)
    options = _options(request, parse_cameras(request.cameras))
    return lambda stage: import_lerobot(folder, numbers, stage, options, show)


def _import_openhlm(request: Request, show: Show) -> _Build:
    found = openhlm_recordings.find_recordings(request.path)
    folders = [found[number] for number in _numbers(request, range(len(found)))]
    mapping = parse_cameras(request.cameras)
    cameras = chosen_cameras(openhlm_recordings.ALL_CAMERAS, mapping) if mapping else openhlm_recordings.CAMERAS
    options = _options(request, cameras)
    return lambda stage: import_openhlm(request.path, folders, stage, options, show)


def _options(request: Request, cameras: Mapping[str, str]) -> Options:
    return Options(cameras=cameras, rate_hz=request.rate_hz, source=request.source, grippers=request.gripper_range)


def _numbers(request: Request, known: Sequence[int]) -> list[int]:
    """Numbers of the chosen episodes of a dataset of another format."""
    selection = parse_selection(request.episodes)
    if selection.conditions:
        key = next(iter(selection.conditions))
        raise InputError(f"episodes of {request.path} are chosen by number, not by {key}: it is not an hlm dataset.")
    infos: dict[int, EpisodeInfo | None] = dict.fromkeys(known)
    return selection.choose(infos, request.path)
