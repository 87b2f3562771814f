"""Reading of an OpenHLM episode, of teleoperation or HuMI, with all its faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np

from hlm.core.arrays import ByteArray, FloatArray
from hlm.core.errors import CorruptError, MismatchError
from hlm.core.serialization import read_json
from hlm.core.yaw_rate import TIME_CONSTANT_S
from hlm.datasets.convert import openhlm_steps
from hlm.datasets.convert.openhlm_grippers import OPENINGS, Hands, Scales
from hlm.datasets.convert.openhlm_recordings import EPISODE_FILE
from hlm.datasets.convert.openhlm_steps import CLOCKS, Faults, Stamps
from hlm.datasets.convert.options import Options
from hlm.datasets.convert.videos import VideoFacts, read_images, video_facts
from hlm.datasets.schema import EpisodeInfo, Json, Step

HEAD_CAMERAS = ("rgb_left", "rgb_right")
# HuMI's cameras run at 60000/1001 Hz and every second image is kept; its exporter rounds that to 30.
HUMI_ROUNDED_HZ, HUMI_HZ = 30.0, 30_000 / 1001
# Enough for half an hour.
JSON_LIMIT_BYTES = 2**28
# A shorter piece of an episode shows no action that the body had the time to follow.
SHORTEST_PIECE_S = 0.2
# Relative; a recorder that was slower than it says has stretched time.
RATE_TOLERANCE = 0.1


class Video(NamedTuple):
    """The images of a camera.

    Attributes:
        path: the file.
        size: (height, width) of the images, px.
        numbers: [time] number of each step's image in the file; -1 without one.
    """

    path: Path
    size: tuple[int, int]
    numbers: Stamps


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Recording:
    """An OpenHLM episode in hlm's terms, without its images.

    Attributes:
        name: name of its folder, relative to the recording.
        info: description of the episode.
        software: software that recorded it.
        state: [time, 34] states; nan where a step has none.
        action: [time, 34] actions; nan where a step has none.
        stamp_ns: [time] instant of each step, on the host's wall clock if `timed`, else since the first step.
        timed: whether the steps have wall clock times.
        age_s: [time] age of each input at these instants, since it was read, by input.
        videos: video of each camera, by hlm's name.
        faults: everything that is wrong.
    """

    name: str
    info: EpisodeInfo
    software: str
    state: FloatArray
    action: FloatArray
    stamp_ns: Stamps
    timed: bool
    age_s: Mapping[str, FloatArray]
    videos: Mapping[str, Video]
    faults: Faults

    def __len__(self) -> int:
        return len(self.state)

    def start_utc(self, step: int) -> str:
        """When a step was recorded, ISO 8601; empty if unknown."""
        if not self.timed:
            return ""
        return datetime.fromtimestamp(self.stamp_ns[step] * 1e-9, UTC).isoformat(timespec="milliseconds")

    def steps(self, numbers: Sequence[int]) -> Iterator[Step]:
        """Yield steps with their images.

        Args:
            numbers: numbers of the steps, ascending.

        Raises:
            CorruptError: an image cannot be decoded. The steps before it were yielded.
            MismatchError: a video is not of colours.
        """
        readers: dict[str, Iterator[ByteArray]] = {
            camera: read_images(video.path, video.numbers[list(numbers)].tolist())
            for camera, video in self.videos.items()
        }
        for step in numbers:
            yield Step(
                int(self.stamp_ns[step]),
                self.state[step],
                self.action[step],
                {camera: next(reader) for camera, reader in readers.items()},
                {name: float(age_s[step]) for name, age_s in self.age_s.items()},
            )


def read_hands(folder: Path) -> Hands | None:
    """The hands of a teleoperated episode as recorded; None for HuMI's, which are openings.

    Raises:
        CorruptError: the episode is not as OpenHLM writes it.
    """
    steps = _read_steps(folder)[1]
    return None if _is_humi(steps) else openhlm_steps.hands(steps)


def read_recording(folder: Path, name: str, options: Options, scales: Scales) -> Recording:
    """Read an episode, and find everything that is wrong with it.

    Args:
        folder: folder of the episode.
        name: of the episode.
        options: options for reading.
        scales: of the hands of a teleoperated episode.

    Raises:
        CorruptError: the episode is not as OpenHLM writes it, or a video cannot be read.
        MismatchError: the episode has another rate.
    """
    content, steps = _read_steps(folder)
    info, text = (value if isinstance(value, dict) else {} for value in (content.get("info"), content.get("text")))
    _check_rate(info, options.rate_hz)
    timed, humi = _is_timed(steps), _is_humi(steps)
    faults = Faults()
    openhlm_steps.lost_steps(steps, faults)
    state, action = (
        openhlm_steps.vectors(steps, kind, OPENINGS if humi else getattr(scales, kind), faults)
        for kind in Hands._fields
    )
    notes: dict[str, Json] = {}
    rate_hz = HUMI_HZ if humi and options.rate_hz == HUMI_ROUNDED_HZ else options.rate_hz
    if humi:
        (state, turned), (action, also) = (openhlm_steps.undo_turns(array, rate_hz) for array in (state, action))
        if turned + also:
            notes["yaw_rate_turns_undone"] = turned + also
    videos = _videos(folder, steps, options, info, faults, notes)
    stamp_ns, age_s = _times(steps, options, videos, faults) if timed else (_even(len(steps), rate_hz), {})
    for video in () if timed else videos.values():
        openhlm_steps.skipped_images(video.numbers, faults)
    state, action = (openhlm_steps.refilter_yaw_rate(array, stamp_ns, humi=humi) for array in (state, action))
    notes["yaw_rate_time_constant_s"] = round(TIME_CONSTANT_S, 3)
    return Recording(
        name=name,
        info=EpisodeInfo(
            instruction=_text(text.get("goal")) or _text(text.get("desc")),
            source=options.source or ("humi" if humi else "teleop"),
            operator=_text(info.get("author")),
            extra={"openhlm": {"episode": name, "date": _text(info.get("date")), **notes}},
        ),
        software=f"OpenHLM {_text(info.get('version'))}".strip(),
        state=state,
        action=action,
        stamp_ns=stamp_ns,
        timed=timed,
        age_s=age_s,
        videos=videos,
        faults=faults,
    )


def pieces(recording: Recording, rate_hz: float) -> list[tuple[int, int]]:
    """(start, stop) of the pieces to keep: the whole recording, or each long enough stretch without a fault.

    Raises:
        CorruptError: no stretch is long enough.
        MismatchError: the steps have another rate than the episode says.
    """
    found = recording.faults.stretches(len(recording))
    if found != [(0, len(recording))]:
        found = [piece for piece in found if is_long_enough(piece[1] - piece[0], rate_hz)]
    if not found:
        raise CorruptError(f"{recording.faults}; no {SHORTEST_PIECE_S:g} s of whole steps are left")
    intervals_ns = np.concatenate([np.diff(recording.stamp_ns[start:stop]) for start, stop in found])
    if len(intervals_ns):
        measured_hz = 1e9 / float(np.median(intervals_ns))
        if abs(measured_hz / rate_hz - 1.0) > RATE_TOLERANCE:
            raise MismatchError(f"says {rate_hz:g} Hz, but its steps are {1000 / measured_hz:.1f} ms apart")
    return found


def is_long_enough(steps: int, rate_hz: float) -> bool:
    """Whether a piece of an episode that was cut is worth keeping."""
    return steps >= SHORTEST_PIECE_S * rate_hz


def _read_steps(folder: Path) -> tuple[Mapping[str, Any], list[dict[str, Any]]]:
    """The content of an episode's file, and its steps."""
    if not (folder / EPISODE_FILE).exists():
        raise CorruptError(f"there is no {EPISODE_FILE}: its recorder ended before it wrote one")
    content = read_json(folder / EPISODE_FILE, JSON_LIMIT_BYTES)
    steps = content.get("data")
    if not isinstance(steps, list) or not steps or not all(isinstance(step, dict) for step in steps):
        raise CorruptError(f"{EPISODE_FILE} has no steps")
    return content, steps


def _is_timed(steps: Sequence[Mapping[str, Any]]) -> bool:
    return any(key in step for step in steps for key in CLOCKS.values())


def _is_humi(steps: Sequence[Mapping[str, Any]]) -> bool:
    return not _is_timed(steps) and not any(key in step for step in steps for key in HEAD_CAMERAS)


def _check_rate(info: Mapping[str, Any], rate_hz: float) -> None:
    groups = [info.get(key) for key in ("video", "image", "wrist_image")]
    said = [group.get("fps") for group in groups if isinstance(group, dict)]
    rates = [rate for rate in said if openhlm_steps.is_number(rate)]
    if not rates:
        raise CorruptError(f"{EPISODE_FILE} does not say at how many steps per second it was recorded")
    if any(rate != rate_hz for rate in rates):
        found = ", ".join(f"{rate:g}" for rate in dict.fromkeys(rates))
        raise MismatchError(f"has {found} steps per second, asked for {rate_hz:g}")


def _videos(
    folder: Path,
    steps: Sequence[Mapping[str, Any]],
    options: Options,
    info: Mapping[str, Any],
    faults: Faults,
    notes: dict[str, Json],
) -> dict[str, Video]:
    """The videos of an episode, by hlm's name of the camera. Missing images are added to the faults."""
    videos: dict[str, Video] = {}
    for theirs, ours in options.cameras.items():
        if not any(step.get(theirs) for step in steps):
            continue
        paths, numbers = openhlm_steps.images(steps, theirs, faults)
        path = _inside(folder, paths, theirs)
        facts = video_facts(path)
        for step in np.flatnonzero(numbers >= facts.images):
            faults.step(int(step), f"{path.name} ends after {facts.images} images")
        _note_disagreement(theirs, facts, numbers, info, notes)
        videos[ours] = Video(path, facts.size, numbers)
    if not videos:
        raise CorruptError(f"{EPISODE_FILE} names no image of {', '.join(options.cameras)}")
    return videos


def _note_disagreement(
    camera: str, facts: VideoFacts, numbers: Stamps, info: Mapping[str, Any], notes: dict[str, Json]
) -> None:
    """Note if a video has another number of images than the episode says."""
    said: Any = info
    for key in ("video", "cameras", camera, "frames"):
        said = said.get(key) if isinstance(said, dict) else None
    wanted = said if isinstance(said, int) else int(numbers.max()) + 1
    if facts.images != wanted:
        notes[f"{camera}_images"] = f"{facts.images}, should be {wanted}"


def _inside(folder: Path, paths: set[str], camera: str) -> Path:
    """The video of a camera, which must be named below the episode's folder; links there may lead anywhere."""
    if len(paths) != 1:
        raise CorruptError(f"the images of {camera} are in {len(paths)} videos, not in one")
    name = PurePosixPath(next(iter(paths)))
    if name.is_absolute() or ".." in name.parts:
        raise CorruptError(f"the video of {camera} lies outside the episode: {name}")
    return folder / name


def _times(
    steps: Sequence[Mapping[str, Any]], options: Options, videos: Mapping[str, object], faults: Faults
) -> tuple[Stamps, dict[str, FloatArray]]:
    """Stamps of steps that have wall clock times, and the age of each input, s."""
    read_ns = openhlm_steps.clocks(steps, options.rate_hz, faults)
    instant_ns = openhlm_steps.instants(read_ns)
    clock = {"state": "state", "action": "action"}
    for theirs, ours in options.cameras.items():
        if ours in videos:
            clock[f"image_{ours}"] = "wrist" if theirs.startswith("wrist") else "image"
    return instant_ns, {name: (instant_ns - read_ns[key]) * 1e-9 for name, key in clock.items()}


def _even(steps: int, rate_hz: float) -> Stamps:
    """Evenly spaced stamps, for steps that follow the images of a video."""
    return np.round(np.arange(steps) * (1e9 / rate_hz)).astype(np.int64)


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
