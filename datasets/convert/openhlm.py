"""Reading of an OpenHLM episode, of teleoperation or HuMI, with all its faults."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hlm.core.arrays import ByteArray, FloatArray
from hlm.core.errors import CorruptError, MismatchError
from hlm.core.serialization import read_json
from hlm.datasets.convert import openhlm_steps
from hlm.datasets.convert.openhlm_recordings import EPISODE_FILE, Options
from hlm.datasets.convert.openhlm_steps import CLOCKS, Faults, Stamps
from hlm.datasets.convert.videos import VideoFacts, read_images, video_facts
from hlm.datasets.schema import EpisodeInfo, Json, Step

HEAD_CAMERAS = ("rgb_left", "rgb_right")
# HuMI's cameras run at 60000/1001 Hz and every second image is kept; its exporter rounds that to 30.
HUMI_ROUNDED_HZ, HUMI_HZ = 30.0, 30_000 / 1001
# Enough for half an hour.
JSON_LIMIT_BYTES = 2**28
# A shorter rest of an episode that was cut is not worth keeping.
SHORTEST_CUT_S = 1.0
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

    def steps(self, start: int, stop: int) -> Iterator[Step]:
        """Yield steps `start` to `stop` (not included), with their images.

        Raises:
            CorruptError: an image cannot be decoded. The steps before it were yielded.
        """
        readers: dict[str, Iterator[ByteArray]] = {
            camera: read_images(video.path, video.numbers[start:stop].tolist()) for camera, video in self.videos.items()
        }
        for step in range(start, stop):
            yield Step(
                int(self.stamp_ns[step] - self.stamp_ns[start]),
                self.state[step],
                self.action[step],
                {camera: next(reader) for camera, reader in readers.items()},
                {name: float(age_s[step]) for name, age_s in self.age_s.items()},
            )


def read_recording(folder: Path, root: Path, options: Options) -> Recording:
    """Read an episode, and find everything that is wrong with it.

    Args:
        folder: folder of the episode.
        root: folder of the recording.
        options: options for reading.

    Raises:
        CorruptError: the episode is not as OpenHLM writes it, or a video cannot be read.
        MismatchError: the episode has another rate.
    """
    content = read_json(folder / EPISODE_FILE, JSON_LIMIT_BYTES)
    info, text, steps = (content.get(key) for key in ("info", "text", "data"))
    if not isinstance(steps, list) or not steps or not all(isinstance(step, dict) for step in steps):
        raise CorruptError(f"{EPISODE_FILE} has no steps")
    info, text = (value if isinstance(value, dict) else {} for value in (info, text))
    _check_rate(info, options.rate_hz)
    timed = any(key in step for step in steps for key in CLOCKS.values())
    humi = not timed and not any(key in step for step in steps for key in HEAD_CAMERAS)
    faults = Faults()
    openhlm_steps.lost_steps(steps, faults)
    state, action = (openhlm_steps.vectors(steps, kind, faults) for kind in ("state", "action"))
    notes: dict[str, Json] = {}
    rate_hz = HUMI_HZ if humi and options.rate_hz == HUMI_ROUNDED_HZ else options.rate_hz
    if humi:
        (state, turned), (action, also) = (openhlm_steps.undo_turns(array, rate_hz) for array in (state, action))
        if turned + also:
            notes["yaw_rate_turns_undone"] = turned + also
    videos = _videos(folder, steps, options, info, faults, notes)
    stamp_ns, age_s = _times(steps, options, videos, faults) if timed else (_even(len(steps), rate_hz), {})
    name = str(folder.relative_to(root)) if folder != root else folder.name
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


def whole_steps(recording: Recording, rate_hz: float) -> tuple[int, int]:
    """(start, stop) of the steps to keep: all, or the longest stretch without a fault.

    Raises:
        CorruptError: the longest stretch is too short.
        MismatchError: the steps have another rate than the episode says.
    """
    start, stop = recording.faults.longest_stretch(len(recording))
    if stop - start < len(recording) and stop - start < SHORTEST_CUT_S * rate_hz:
        raise CorruptError(f"{recording.faults}; no {SHORTEST_CUT_S:g} s of whole steps are left")
    if stop - start > 1:
        measured_hz = 1e9 / float(np.median(np.diff(recording.stamp_ns[start:stop])))
        if abs(measured_hz / rate_hz - 1.0) > RATE_TOLERANCE:
            raise MismatchError(f"says {rate_hz:g} Hz, but its steps are {1000 / measured_hz:.1f} ms apart")
    return start, stop


def _check_rate(info: Mapping[str, Any], rate_hz: float) -> None:
    groups = [info.get(key) for key in ("video", "image", "wrist_image")]
    rates = [group["fps"] for group in groups if isinstance(group, dict) and isinstance(group.get("fps"), int | float)]
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
    """The video of a camera, which must be below the episode's folder."""
    if len(paths) != 1:
        raise CorruptError(f"the images of {camera} are in {len(paths)} videos, not in one")
    path = (folder / next(iter(paths))).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise CorruptError(f"the video of {camera} lies outside the episode: {next(iter(paths))}")
    return path


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
