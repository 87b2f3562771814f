"""Images to files that browsers play: H.264 video, animated GIF and WebP."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from PIL import Image

from hlm.core.arrays import ByteArray
from hlm.core.errors import InputError
from hlm.core.files import replacing

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

QUALITY_CRF = 23  # libx264's constant rate factor: 0 lossless, 51 worst; 23 is its default
ANIMATION_FORMATS = (".gif", ".webp")


class VideoWriter:
    """An H.264 video in an MP4 file; the file appears under its name only when it is complete.

    As a context manager it completes the file, or after an exception leaves none.

    Args:
        path: of the file, `*.mp4`; its folder must exist.
        rate_hz: images per second, > 0.
        size: (height, width) of the images, px; the first image's by default. Odd sides are padded by one pixel,
            because yuv420p needs even ones.
        crf: quality, 0 lossless to 51 worst.

    Raises:
        InputError: the size or the rate cannot be encoded.
    """

    def __init__(self, path: Path, rate_hz: float, size: tuple[int, int] | None = None, crf: int = QUALITY_CRF) -> None:
        if rate_hz <= 0 or (size is not None and min(size) < 1):
            shape = "" if size is None else f" of {size[1]} x {size[0]} px"
            raise InputError(f"a video{shape} at {rate_hz} Hz cannot be encoded")
        self.path = path
        self.size = size
        self._rate = Fraction(rate_hz).limit_denominator(1001)
        self._options = {"crf": str(crf), "preset": "fast"}
        self._output: tuple[OutputContainer, VideoStream] | None = None
        self._open_files = ExitStack()

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Complete the file; after an exception, remove what there is of it."""
        if kind is None:
            self.close()
        else:
            self._open_files.__exit__(kind, error, trace)

    def write(self, image: ByteArray) -> None:
        """Add an image.

        Args:
            image: [height, width, 3] uint8 RGB.

        Raises:
            InputError: another size or type than the video's.
        """
        import av

        size = self.size or image.shape[:2]
        if image.shape != (*size, 3) or image.dtype != np.uint8:
            wanted = f"[{', '.join(map(str, size))}, 3] uint8"
            raise InputError(f"'{self.path.name}' needs images {wanted}, got {list(image.shape)} {image.dtype}")
        self.size = (size[0], size[1])
        self._output = self._output or self._open(*self.size)
        container, stream = self._output
        even = np.pad(image, ((0, size[0] % 2), (0, size[1] % 2), (0, 0)), mode="edge")
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(even), format="rgb24")))

    def close(self) -> None:
        """Complete the file; without any image there is no file."""
        with self._open_files:
            if self._output is not None:
                container, stream = self._output
                self._output = None
                container.mux(stream.encode())

    def _open(self, height: int, width: int) -> tuple[OutputContainer, VideoStream]:
        import av

        new = self._open_files.enter_context(replacing(self.path))
        container = av.open(str(new), "w", format="mp4", options={"movflags": "+faststart"})
        self._open_files.enter_context(container)
        stream = container.add_stream("libx264", rate=self._rate, options=self._options)
        stream.height, stream.width, stream.pix_fmt = height + height % 2, width + width % 2, "yuv420p"
        return container, stream


def write_animation(path: Path, images: Sequence[ByteArray], rate_hz: float, width_px: int | None = None) -> Path:
    """Write an endless animation, GIF or WebP by the name's ending; WebP is some times smaller.

    Args:
        path: of the file.
        images: [height, width, 3] uint8 RGB each, at least one, all of one size.
        rate_hz: images per second; GIFs count in hundredths of a second, so 50, 33.3, 25, 20, ... are exact.
        width_px: scaled to this width; as it is by default.

    Returns:
        The path.

    Raises:
        InputError: no images, or an unsupported file name ending.
    """
    if path.suffix.lower() not in ANIMATION_FORMATS:
        raise InputError(f"an animation '{path.name}' cannot be written. Endings: {', '.join(ANIMATION_FORMATS)}")
    if not images:
        raise InputError(f"the animation '{path.name}' needs at least one image")
    frames = [Image.fromarray(image) for image in images]
    if width_px is not None:
        height_px = max(1, round(frames[0].height * width_px / frames[0].width))
        frames = [frame.resize((width_px, height_px), Image.Resampling.LANCZOS) for frame in frames]
    if path.suffix.lower() == ".gif":
        frames = _share_palette(frames)
    duration_ms = round(1000.0 / rate_hz)
    # Quality and method are WebP's, disposal is GIF's; each format ignores the other's.
    options = {"duration": duration_ms, "loop": 0, "quality": 75, "method": 4, "disposal": 1}
    with replacing(path) as new:
        frames[0].save(new, path.suffix[1:], save_all=True, append_images=frames[1:], **options)
    return path


def read_video(path: Path) -> ByteArray:
    """[time, height, width, 3] uint8 RGB images of a short video, all in memory."""
    import av

    with av.open(str(path)) as container:
        images = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return np.stack(images)


def _share_palette(frames: list[Image.Image]) -> list[Image.Image]:
    """One palette for all images: one for each would make still surfaces flicker."""
    sample = frames[:: max(1, len(frames) // 8)]
    sheet = Image.new("RGB", (sample[0].width, sample[0].height * len(sample)))
    for row, frame in enumerate(sample):
        sheet.paste(frame, (0, row * frame.height))
    palette = sheet.quantize(256, method=Image.Quantize.MEDIANCUT)
    return [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
