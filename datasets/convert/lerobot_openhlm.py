"""OpenHLM's own LeRobot datasets: columns of other names, and black images in place of cameras that were not there.

Source: OpenHLM's converter (`convert_g1_data_to_lerobot_multi.py`) and its published datasets; state and action are
hlm's 34 numbers in hlm's order. Robots and HuMI are mixed; HuMI has no head camera, and whole turns in its yaw rates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from hlm.core.arrays import ByteArray, FloatArray
from hlm.core.errors import InputError
from hlm.core.wording import counted
from hlm.datasets.convert.lerobot_folder import LeRobotFolder
from hlm.datasets.convert.openhlm import HUMI_HZ, HUMI_ROUNDED_HZ
from hlm.datasets.convert.openhlm_grippers import OPENINGS, Hands, Scales, find_scales
from hlm.datasets.convert.openhlm_steps import undo_turns
from hlm.datasets.convert.report import episodes_said
from hlm.datasets.schema import Json

STATE, ACTION = "state", "actions"
# Names of the published datasets and of the released converter.
CAMERAS = {
    "head_image_left": "head",
    "wrist_image_left": "left_wrist",
    "wrist_image_right": "right_wrist",
    "left_wrist_image": "left_wrist",
    "right_wrist_image": "right_wrist",
}
# Black is written as 0; JPEG and video add a little.
BLACK_LEVEL = 8


def is_openhlm(columns: Iterable[str]) -> bool:
    """Whether a dataset with these columns is OpenHLM's."""
    return {STATE, ACTION} <= set(columns)


def is_black(images: Iterable[ByteArray]) -> bool:
    """Whether no image has a value above `BLACK_LEVEL`; reads up to the first that has."""
    return all(int(image.max()) <= BLACK_LEVEL for image in images)


def without_turns(vectors_34: FloatArray, rate_hz: float) -> tuple[FloatArray, int]:
    """Vectors without the whole turns that HuMI's exporter leaves in the yaw rates, and the number of changed steps.

    HuMI's steps are 1001/30000 s apart, and called 30 per second. Yaw rates of robots are at most 2 rad/s.

    Args:
        vectors_34: [time, 34] vectors.
        rate_hz: steps per second of the dataset.
    """
    return undo_turns(vectors_34, HUMI_HZ if rate_hz == HUMI_ROUNDED_HZ else rate_hz)


def humi_episodes(folder: LeRobotFolder, numbers: Iterable[int]) -> frozenset[int]:
    """Which of some episodes HuMI made, without a robot: those without their head camera.

    Raises:
        HlmError: an image cannot be read.
    """
    head = head_column(folder.features)
    return frozenset(number for number in numbers if head is not None and is_black(folder.images(number, head)))


def head_column(columns: Iterable[str]) -> str | None:
    """The column of the head camera, which HuMI does not have; None if the dataset has none at all."""
    return next((key for key in columns if CAMERAS.get(key) == "head"), None)


def scales_of(episodes: Iterable[Hands], rate_hz: float, asked: tuple[float, float] | None) -> Scales:
    """Units of the grippers of robots. What could be openings is kept where the unit is uncertain, and noted.

    Args:
        episodes: hands of each episode, without HuMI's, which are openings by construction.
        rate_hz: steps per second.
        asked: what a person says that a closed and an open gripper read; None if nobody did.

    Raises:
        InputError: the unit is ambiguous, and the values are no openings.
    """
    hands = list(episodes)
    try:
        return find_scales(hands, rate_hz, asked)
    except InputError as error:
        if asked is not None:
            raise
        values = np.concatenate([np.concatenate(one) for one in hands])
        if not OPENINGS.covers(float(np.nanmin(values)), float(np.nanmax(values))):
            raise
        return Scales(notes=(f"grippers are kept as openings from 0 to 1. {error}",))


class Repairs:
    """What was put right in a dataset, to be said in a few lines."""

    def __init__(self) -> None:
        self._absent: dict[str, list[int]] = {}
        self._black: dict[str, dict[int, int]] = {}
        self._turns: dict[int, int] = {}

    def absent(self, camera: str, episode: int) -> None:
        """Add a camera that is black throughout an episode."""
        self._absent.setdefault(camera, []).append(episode)

    def saw(self, camera: str, episode: int, image: ByteArray) -> None:
        """Look at an image that is kept."""
        if int(image.max()) <= BLACK_LEVEL:
            black = self._black.setdefault(camera, {})
            black[episode] = black.get(episode, 0) + 1

    def turned(self, episode: int, steps: int) -> None:
        """Add yaw rates from which whole turns were removed."""
        if steps:
            self._turns[episode] = steps

    def of(self, episode: int) -> dict[str, Json]:
        """What was put right in one episode, for `put_back`."""
        return {
            "absent": [camera for camera, found in self._absent.items() if episode in found],
            "black": {camera: found[episode] for camera, found in self._black.items() if episode in found},
            "turns": self._turns.get(episode, 0),
        }

    def put_back(self, episode: int, found: Mapping[str, Any]) -> None:
        """Add what `of` gave for an episode, in an earlier attempt to convert the dataset."""
        for camera in found["absent"]:
            self.absent(camera, episode)
        for camera, images in found["black"].items():
            self._black.setdefault(camera, {})[episode] = images
        self.turned(episode, found["turns"])

    def notes(self) -> tuple[str, ...]:
        """A line for each kind."""
        notes = [
            f"{camera} is black throughout {episodes_said(found)}: absent there"
            for camera, found in self._absent.items()
        ]
        for camera, black in self._black.items():
            images = counted(sum(black.values()), "image")
            notes.append(f"{images} of {camera} in {episodes_said(black)} black, kept between others that are not")
        if self._turns:
            steps = counted(sum(self._turns.values()), "yaw rate")
            notes.append(
                f"whole turns removed from {steps} in {episodes_said(self._turns)}, as HuMI's exporter leaves them"
            )
        return tuple(notes)
