"""Reading of video files, front to back."""

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
    """Facts about a video.

    Attributes:
        size: (height, width) of its images, px.
        images: number of images in the file, damaged or not.
    """

    size: tuple[int, int]
    images: int


def video_header(path: Path) -> VideoFacts:
    """Read size and number of images from a video's header.

    Raises:
        CorruptError: the file is missing, or not a video.
    """
    with _opened(path) as container:
        stream = container.streams.video[0]
        size, images = (stream.height, stream.width), stream.frames
    return VideoFacts(size, images)


def video_facts(path: Path) -> VideoFacts:
    """Read size of a video and count its images, without decoding them.

    Raises:
        CorruptError: the file is missing, or not a video.
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
    """Decode [height, width, 3] uint8 RGB images of a video, read-only.

    Args:
        path: the video.
        numbers: numbers of the images from 0, ascending; a number may repeat.

    Raises:
        CorruptError: an image is damaged, or the video ends before it.
    """
    import av

    wanted = iter(numbers)
    number = next(wanted, None)
    with _opened(path) as container:
        stream = container.streams.video[0]
        # Damage must be an error, not a guess of the decoder.
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
        raise CorruptError(f"{path.name} cannot be read as a video ({reason})") from error
    if not container.streams.video:
        container.close()
        raise CorruptError(f"{path.name} holds no video")
    return container
