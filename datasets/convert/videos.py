"""Video files of others, read front to back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hlm.core.arrays import ByteArray
from hlm.core.errors import CorruptError

if TYPE_CHECKING:
    from av.container import InputContainer


class VideoFacts(NamedTuple):
    """What a video's file says about it.

    Attributes:
        size: (height, width), px.
        images: how many are in the file, damaged or not.
    """

    size: tuple[int, int]
    images: int


def video_header(path: Path) -> VideoFacts:
    """Size and number of images as a video's header says them.

    Raises:
        CorruptError: it is not there, or no video.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        size, images = (stream.height, stream.width), stream.frames
    return VideoFacts(size, images)


def video_facts(path: Path) -> VideoFacts:
    """Size and number of images of a video, which is read through but not decoded.

    Raises:
        CorruptError: it is not there, or no video.
    """
    import av

    with _opened(path) as container:
        stream = container.streams.video[0]
        size = (stream.height, stream.width)
        try:
            images = sum(packet.size > 0 for packet in container.demux(stream))
        except av.FFmpegError as error:
            raise CorruptError(f"{path} cannot be read ({error.strerror})") from error
    return VideoFacts(size, images)


def read_images(path: Path, numbers: Sequence[int]) -> Iterator[ByteArray]:
    """[height, width, 3] uint8 RGB images of a video, read-only.

    Args:
        path: the video.
        numbers: of the images from 0, each at least the one before.

    Raises:
        CorruptError: an image is damaged, or the video ends before it.
    """
    import av

    wanted = iter(numbers)
    number = next(wanted, None)
    with _opened(path) as container:
        stream = container.streams.video[0]
        # What is damaged is to be an error, not a guess of the decoder's.
        stream.codec_context.options = {"err_detect": "explode"}
        reached = 0
        try:
            for reached, frame in enumerate(container.decode(stream)):
                if number is None:
                    return
                if reached < number:
                    continue
                image: ByteArray = np.array(frame.to_ndarray(format="rgb24"), np.uint8)
                image.flags.writeable = False
                while number == reached:
                    yield image
                    number = next(wanted, None)
        except av.FFmpegError as error:
            raise CorruptError(f"{path.name}: no image after {reached} can be decoded ({error.strerror})") from error
    if number is not None:
        raise CorruptError(f"{path.name}: image {number} cannot be decoded")


def _opened(path: Path) -> InputContainer:
    import av

    try:
        container = av.open(str(path), "r")
    except FileNotFoundError:
        raise CorruptError(f"{path.name} is missing") from None
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise CorruptError(f"{path.name} is no video that can be read ({reason})") from error
    if not container.streams.video:
        container.close()
        raise CorruptError(f"{path.name} holds no video")
    return container
