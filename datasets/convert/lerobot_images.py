"""Images of a LeRobot episode: in videos by time, or as files in cells of a column."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from hlm.core.arrays import ByteArray, FloatArray
from hlm.core.errors import CorruptError, MismatchError, MissingFileError
from hlm.datasets.convert.lerobot_episodes import Clip
from hlm.datasets.convert.lerobot_timeline import TOLERANCE_PERIODS
from hlm.datasets.convert.videos import images_at

# Modes of Pillow that are colours or 8-bit grey, and become RGB without loss. Others are depths or masks.
_COLOURS = ("RGB", "RGBA", "RGBX", "L", "LA", "P", "YCbCr", "CMYK")


def check_clip(clip: Clip, shown_s: FloatArray, rate_hz: float, where: str) -> list[str]:
    """Check that a video exists and that an episode asks only for images of its own part.

    Args:
        clip: the episode's part of the video.
        shown_s: [time] where its images are in this part, s.
        rate_hz: images per second.
        where: camera and episode, for errors.

    Returns:
        Notes: if the part goes on after the last image, or does not lie where LeRobot would write it.

    Raises:
        MissingFileError: the video is missing.
        CorruptError: images lie outside of the part.
    """
    if not clip.file.is_file():
        raise MissingFileError(f"{clip.file} is missing; {where} is in it.")
    if clip.rival is not None:
        raise CorruptError(
            f"{where} begins at {clip.start_s:.3f} s of {clip.file.name} as episode {clip.rival} does: meta/episodes "
            "is wrong about one of them."
        )
    half_s = 0.5 / rate_hz
    # Durations of video files may lack their last image, but the next episode's first image is never this one's.
    end_s = min(clip.stop_s + half_s, clip.next_s - half_s)
    outside = np.flatnonzero((shown_s < -half_s) | (clip.start_s + shown_s >= end_s))
    if len(outside):
        step = int(outside[0])
        raise CorruptError(
            f"step {step} of {where} has its image at {clip.start_s + shown_s[step]:.3f} s of {clip.file.name}, "
            f"outside of the episode's part, {clip.start_s:.3f} to {min(clip.stop_s, clip.next_s):.3f} s."
        )
    more = (min(clip.stop_s, clip.next_s) - clip.start_s - float(shown_s[-1])) * rate_hz - 1.0
    # Lengths of video files are off by an image now and then.
    notes = [f"videos go on for {round(more)} images after the last row"] if 1.5 < more < math.inf else []
    return notes if clip.in_order else [*notes, "videos hold the episodes in another order; meta/episodes is believed"]


def images_in_clip(clip: Clip, shown_s: FloatArray, rate_hz: float, where: str) -> Iterator[ByteArray]:
    """Yield the images of an episode from its part of a video.

    Raises:
        CorruptError: an image is missing or cannot be decoded.
    """
    try:
        yield from images_at(clip.file, clip.start_s + shown_s, TOLERANCE_PERIODS / rate_hz)
    except (CorruptError, MismatchError) as error:
        raise type(error)(f"{where}: {str(error).rstrip('.')}.") from error


def images_in_cells(column: Any, where: str) -> Iterator[ByteArray]:
    """Yield the images in the cells of a column.

    Raises:
        CorruptError: a cell holds no image.
        MismatchError: a cell holds no colours.
    """
    from PIL import Image

    for step, cell in enumerate(column):
        content = cell.as_py()
        data = content.get("bytes") if isinstance(content, dict) else content
        if not isinstance(data, bytes):
            raise CorruptError(f"step {step} of {where} holds no image.")
        try:
            with Image.open(io.BytesIO(data)) as image:
                if image.mode not in _COLOURS:
                    raise MismatchError(
                        f"step {step} of {where} is no colour image but one of Pillow's mode {image.mode}, as depths "
                        "are. Leave this camera out: list the others with --cameras."
                    )
                yield np.array(image.convert("RGB"))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise CorruptError(f"step {step} of {where} holds no image.") from error
