"""A video file as a camera: its images come when they are due, for demonstrations and tests without a device."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import av
import numpy as np
from av.container import InputContainer

from hlm.core.arrays import ByteArray
from hlm.core.clock import NS_PER_S, Clock, MonotonicClock
from hlm.core.errors import CorruptError, LostError, MissingFileError
from hlm.core.values import CameraFrame


@dataclass(frozen=True, kw_only=True, slots=True)
class VideoFileConfig:
    """A video file that plays as a camera.

    Attributes:
        name: of the camera.
        path: of the file.
        loop: whether it starts again at its end; otherwise the camera is lost there.
    """

    name: str
    path: str
    loop: bool = True


class _Image(NamedTuple):
    """An image of the file, and when it is due after the start."""

    due_ns: int
    image: ByteArray


class VideoFileCamera:
    """A video file as a camera; implements `hlm.core.protocols.Cameras`.

    `capture` waits for the next image that is due, by the file's own time stamps; images that are overdue are dropped.

    Args:
        config: which.
        clock: on which it plays; the monotonic one by default.
    """

    def __init__(self, config: VideoFileConfig, clock: Clock | None = None) -> None:
        self._config = config
        self._clock = MonotonicClock() if clock is None else clock
        self._container: InputContainer | None = None
        self._images: Iterator[_Image] = iter(())
        self._start_ns = 0
        self._next: _Image | None = None

    def __enter__(self) -> Self:
        """Open the file, and start to play.

        Raises:
            MissingFileError: there is none.
            CorruptError: it is no video.
        """
        config = self._config
        if not Path(config.path).is_file():
            raise MissingFileError(f"camera '{config.name}': there is no video {config.path}.")
        try:
            self._container = av.open(config.path)
            self._container.streams.video[0].thread_type = "NONE"
            self._images = _images(self._container, loop=config.loop)
            self._next = next(self._images, None)
        except (av.FFmpegError, IndexError) as error:
            self._close()
            raise CorruptError(
                f"camera '{config.name}': {config.path} is no video that can be played: {error}."
            ) from error
        if self._next is None:
            self._close()
            raise CorruptError(f"camera '{config.name}': the video {config.path} has no images.")
        self._start_ns = self._clock.now_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._close()

    def capture(self) -> Mapping[str, CameraFrame]:
        """The next image that is due.

        Raises:
            LostError: the video is over.
        """
        current = self._next
        if current is None:
            raise LostError(f"camera '{self._config.name}': the video {self._config.path} is over.")
        self._clock.wait_until(self._start_ns + current.due_ns)
        while True:
            self._next = self._decoded()
            if self._next is None or self._start_ns + self._next.due_ns > self._clock.now_ns():
                break
            current = self._next
        return {self._config.name: CameraFrame(self._start_ns + current.due_ns, current.image)}

    def _decoded(self) -> _Image | None:
        try:
            return next(self._images, None)
        except av.FFmpegError as error:
            raise LostError(
                f"camera '{self._config.name}': the video {self._config.path} is damaged: {error}."
            ) from error

    def _close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None


def _images(container: InputContainer, *, loop: bool) -> Iterator[_Image]:
    """Images of a video with rising instants; forever if it loops."""
    stream = container.streams.video[0]
    period_ns = round(NS_PER_S / float(stream.average_rate or 30))
    round_ns, due_ns = 0, -1
    while True:
        first_ns, found = None, False
        for frame in container.decode(stream):
            instant_ns = round(NS_PER_S * float(frame.time or 0.0))
            first_ns = instant_ns if first_ns is None else first_ns
            # Files with broken stamps play in order all the same.
            due_ns = max(round_ns + instant_ns - first_ns, due_ns + 1)
            found = True
            yield _Image(due_ns, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
        if not (loop and found):
            return
        round_ns = due_ns + period_ns
        container.seek(0)
