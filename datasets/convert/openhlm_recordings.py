"""Recordings of OpenHLM on disk.

An episode is a folder with `data.json` and `videos/*.mp4`. A recording is a folder of episodes, or a folder of such
folders, one per task.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hlm.core.errors import CorruptError, MissingFileError
from hlm.datasets.convert.options import Options
from hlm.datasets.convert.videos import video_header

EPISODE_FILE = "data.json"
VIDEOS = "videos"
CAMERAS = {"rgb_left": "head", "wrist_rgb_left": "left_wrist", "wrist_rgb_right": "right_wrist"}
ALL_CAMERAS = ("rgb_left", "rgb_right", "wrist_rgb_left", "wrist_rgb_right")

_EPISODE = re.compile(r"episode_?\d+")
_NUMBER = re.compile(r"(\d+)")


def find_recordings(path: Path) -> list[Path]:
    """Folders of the episodes at `path`, which may be one itself, in the order of the numbers in their names.

    Episodes whose recorder ended before it wrote `data.json` are among them; without any other, there are none.
    """
    if (path / EPISODE_FILE).is_file():
        return [path]
    found = [folder for pattern in ("*", "*/*") for folder in path.glob(pattern) if _is_episode(folder)]
    if not any((folder / EPISODE_FILE).is_file() for folder in found):
        return []
    return sorted(found, key=lambda folder: _natural(folder.relative_to(path)))


def _is_episode(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    named = _EPISODE.fullmatch(folder.name) is not None
    return (folder / EPISODE_FILE).is_file() or named or any((folder / VIDEOS).glob("*.mp4"))


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sorting key that compares numbers in names by their value: `episode_2` comes before `episode_10`."""
    words = [word for part in path.parts for word in [*_NUMBER.split(part), ""]]
    return [(int(word), word) if word.isdecimal() else (-1, word) for word in words]


def find_sizes(folders: Sequence[Path], options: Options) -> tuple[dict[str, tuple[int, int]], int]:
    """The most frequent (height, width) of each camera, and the approximate number of steps, from the videos' headers.

    Raises:
        MissingFileError: none of the videos can be read.
    """
    sizes: dict[str, Counter[tuple[int, int]]] = {camera: Counter() for camera in options.cameras.values()}
    steps = 0
    for folder in folders:
        images = 0
        for theirs, ours in options.cameras.items():
            with suppress(CorruptError):
                facts = video_header(folder / VIDEOS / f"{theirs}.mp4")
                sizes[ours][facts.size] += 1
                images = max(images, facts.images)
        steps += images
    found = {camera: counter.most_common(1)[0][0] for camera, counter in sizes.items() if counter}
    if not found:
        wanted = ", ".join(options.cameras)
        raise MissingFileError(f"no video of {wanted} can be read in any of {len(folders)} episodes.")
    return found, steps
