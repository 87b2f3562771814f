"""Reading of video files, front to back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hlm.core.arrays import ByteArray
from hlm.core.errors import CorruptError, MismatchError

if TYPE_CHECKING:
    from av import VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream


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
        MismatchError: the video is not of colours.
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
                image = _rgb(frame)
                image.flags.writeable = False
                while number == reached:
                    yield image
                    number = next(wanted, None)
        except av.FFmpegError as error:
            raise CorruptError(f"{path.name}: no image after {reached} can be decoded ({error.strerror})") from error
        except MismatchError as error:
            raise MismatchError(f"{path.name}: {error}") from error
    if number is not None:
        raise CorruptError(f"{path.name}: image {number} cannot be decoded")


def images_at(path: Path, times_s: Iterable[float], tolerance_s: float) -> Iterator[ByteArray]:
    """Decode the [height, width, 3] uint8 RGB images of a video that are nearest to some times.

    Args:
        path: the video.
        times_s: times in the video, ascending, s.
        tolerance_s: how far the nearest image may be away.

    Raises:
        CorruptError: an image is damaged, or there is none near enough.
        MismatchError: the video is not of colours.
    """
    import av

    with _opened(path) as container:
        stream = container.streams.video[0]
        # Damage must be an error, not a guess of the decoder.
        stream.codec_context.options = {"err_detect": "explode"}
        before: _Shown | None = None
        now: _Shown | None = None
        frames: Iterator[_Shown] | None = None
        for time_s in times_s:
            try:
                if frames is None:
                    frames = _from(container, stream, time_s)
                    now = next(frames, None)
                while now is not None and now.time_s < time_s:
                    before, now = now, next(frames, None)
            except av.FFmpegError as error:
                raise CorruptError(
                    f"{path.name}: no image at {time_s:.3f} s can be decoded ({error.strerror})"
                ) from error
            near = [shown for shown in (before, now) if shown is not None]
            if not near:
                raise CorruptError(f"{path.name} has no image at {time_s:.3f} s")
            nearest = min(near, key=lambda shown, due_s=time_s: abs(shown.time_s - due_s))  # type: ignore[misc]
            if abs(nearest.time_s - time_s) > tolerance_s:
                raise CorruptError(
                    f"{path.name} has no image at {time_s:.3f} s; the nearest is at {nearest.time_s:.3f} s"
                )
            yield _rgb(nearest.frame)


class _Shown(NamedTuple):
    """An image of a video, and when it is shown."""

    time_s: float
    frame: VideoFrame


def _from(container: InputContainer, stream: VideoStream, time_s: float) -> Iterator[_Shown]:
    """Images from the last key frame before a time on."""
    base_s = float(stream.time_base or 1)
    container.seek(max(round(time_s / base_s) - 1, 0), stream=stream, backward=True)
    for frame in container.decode(stream):
        if frame.pts is not None:
            yield _Shown(frame.pts * base_s, frame)


def _rgb(frame: VideoFrame) -> ByteArray:
    """The image as [height, width, 3] RGB.

    Raises:
        MismatchError: it has one channel of more than 8 bits.
    """
    channels = frame.format.components
    if len(channels) == 1 and channels[0].bits > 8:
        raise MismatchError(
            f"not colour images but one channel of {channels[0].bits} bits, as depths are. Leave this camera out: list "
            "the others with --cameras"
        )
    if (frame.width % 2 or frame.height % 2) and len(frame.planes) == len(channels) == 3 and channels[0].bits == 8:
        return np.array(_even(frame).to_ndarray(format="rgb24")[: frame.height, : frame.width], np.uint8)
    return np.array(frame.to_ndarray(format="rgb24"), np.uint8)


def _even(frame: VideoFrame) -> VideoFrame:
    """The frame with an odd last row or column twice.

    libswscale gives the last row of an odd height the colours of none.
    """
    import av

    made = av.VideoFrame(frame.width + frame.width % 2, frame.height + frame.height % 2, frame.format.name)
    made.colorspace, made.color_range = frame.colorspace, frame.color_range
    for before, after in zip(frame.planes, made.planes, strict=True):
        values = np.frombuffer(before, np.uint8).reshape(before.height, before.line_size)[:, : before.width]
        missing = (0, after.height - before.height), (0, after.line_size - before.width)
        after.update(np.pad(values, missing, mode="edge").tobytes())
    return made


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
    # None, whatever the types say, where FFmpeg does not know the codec.
    if getattr(container.streams.video[0], "codec_context", None) is None:
        container.close()
        raise CorruptError(f"{path.name} has a codec that cannot be decoded here")
    return container
