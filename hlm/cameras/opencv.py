"""A camera that OpenCV opens: a V4L2 device such as a USB camera, or a video file in its place."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2

from hlm.core.arrays import ByteArray
from hlm.core.clock import NS_PER_S, MonotonicClock
from hlm.core.errors import InputError, LostError, MismatchError
from hlm.core.values import CameraFrame

# Buffers that a V4L2 driver may have filled while nobody asked.
_MOST_BUFFERS = 4
# A stamp of the driver that is further from now is on another clock than ours.
_OLDEST_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenCvConfig:
    """A camera that OpenCV opens.

    Attributes:
        name: of the camera.
        device: path of a device, or of a video file; "0" stands for /dev/video0.
        size: height and width that the device is set to, px; None leaves it as it is.
        rate_hz: images per second that the device is set to; None leaves it as it is.
        fourcc: format that the device is set to, such as MJPG; empty leaves it as it is. Uncompressed images of several
            cameras do not fit through one USB controller.
        latency_s: time from exposure to the device's stamp, where somebody has measured it.
    """

    name: str
    device: str
    size: tuple[int, int] | None = None
    rate_hz: float | None = 30.0
    fourcc: str = "MJPG"
    latency_s: float = 0.0

    def __post_init__(self) -> None:
        """Check the values, and make a path of a number.

        Raises:
            InputError: a value that makes no sense.
        """
        if self.fourcc and len(self.fourcc) != 4:
            raise InputError(f"a format of images has four letters, such as MJPG or YUYV, not '{self.fourcc}'.")
        if self.rate_hz is not None and not 0.0 < self.rate_hz <= 1000.0:
            raise InputError(f"a camera delivers more than 0 and up to 1000 images per second, not {self.rate_hz}.")
        if not self.device:
            raise InputError(f"camera '{self.name}' needs a device, such as opencv:/dev/video0.")
        if self.device.isdecimal():
            object.__setattr__(self, "device", f"/dev/video{int(self.device)}")


class OpenCvCamera:
    """A camera that OpenCV opens; implements `hlm.core.protocols.Cameras`. `capture` waits for the next image.

    Images carry the stamp that the driver gave the buffer, where that is on the monotonic clock, and otherwise the
    instant at which OpenCV got it.

    Args:
        config: which.
    """

    def __init__(self, config: OpenCvConfig) -> None:
        self._config = config
        self._clock = MonotonicClock()
        self._capture: Any = None
        self._newest_ns = 0
        self._is_device = False

    def __enter__(self) -> Self:
        """Open and set the device.

        Raises:
            LostError: there is none, it may not be opened, or another program has it.
            MismatchError: it does not deliver images of the size that was asked for.
        """
        config = self._config
        _check_device(config)
        cv2.setNumThreads(1)
        self._is_device = Path(config.device).is_char_device()
        self._capture = cv2.VideoCapture(config.device, cv2.CAP_V4L2 if self._is_device else cv2.CAP_ANY)
        if not self._capture.isOpened():
            raise LostError(
                f"camera '{config.name}': {config.device} does not open as a camera. Another program may use it "
                f"(`fuser -v {config.device}` tells), or it is a device that gives no images."
            )
        if self._is_device:
            try:
                self._set()
            except BaseException:
                self.__exit__(None, None, None)  # or the device stays in use
                raise
        self._newest_ns = self._clock.now_ns()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the device."""
        if self._capture is not None:
            self._capture.release()
            self._capture = None

    def capture(self) -> Mapping[str, CameraFrame]:
        """The next image; images that were waiting while nobody asked are dropped.

        Raises:
            LostError: the device stopped, such as when it was unplugged.
            MismatchError: the image has another size than was asked for.
        """
        config = self._config
        stamp_ns = self._newest_ns = self._grab_newest()
        whole, image = self._capture.retrieve()
        if not whole:
            raise LostError(f"camera '{config.name}': {config.device} sent an image that cannot be decoded.")
        if config.size is not None and image.shape[:2] != config.size:
            raise MismatchError(_other_size(config, image.shape[0], image.shape[1]))
        rgb: ByteArray = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        return {config.name: CameraFrame(stamp_ns - round(config.latency_s * NS_PER_S), rgb)}

    def _grab_newest(self) -> int:
        """Take the next image, without decoding it; returns its stamp."""
        period_ns = NS_PER_S / (self._config.rate_hz or 30.0)
        # Those that were exposed since the newest one, but for the last; a file has no images that wait.
        waiting = int((self._clock.now_ns() - self._newest_ns) / period_ns) - 1 if self._is_device else 0
        for _ in range(min(waiting, _MOST_BUFFERS)):
            asked_ns = self._clock.now_ns()
            self._grab()
            if self._clock.now_ns() - asked_ns > 0.25 * period_ns:
                return self._stamp_ns()  # this one did not wait: it is the newest
        self._grab()
        return self._stamp_ns()

    def _grab(self) -> None:
        if not self._capture.grab():
            config = self._config
            raise LostError(
                f"camera '{config.name}': {config.device} stopped delivering images. Is it unplugged, or at its end?"
            )

    def _stamp_ns(self) -> int:
        """The driver's stamp if it can be believed, or now."""
        now_ns = self._clock.now_ns()
        # The V4L2 back end gives the time of the buffer here, which UVC devices take from the monotonic clock.
        driver_ns = round(1e6 * self._capture.get(cv2.CAP_PROP_POS_MSEC))
        return driver_ns if 0 <= now_ns - driver_ns <= _OLDEST_S * NS_PER_S else now_ns

    def _set(self) -> None:
        """Set format, size and rate, in the order that drivers need."""
        config, capture = self._config, self._capture
        if config.fourcc:
            capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*config.fourcc))
        if config.size is not None:
            capture.set(cv2.CAP_PROP_FRAME_HEIGHT, config.size[0])
            capture.set(cv2.CAP_PROP_FRAME_WIDTH, config.size[1])
        if config.rate_hz is not None:
            capture.set(cv2.CAP_PROP_FPS, config.rate_hz)
        # With a single one, the device has none to fill while an image is decoded, and delivers half as many.
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 2)
        found = round(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)), round(capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        if config.size is not None and found != config.size:
            raise MismatchError(_other_size(config, *found))


def _check_device(config: OpenCvConfig) -> None:
    path = Path(config.device)
    if not path.exists():
        others = ", ".join(sorted(map(str, Path("/dev").glob("video*")))) or "none"
        raise LostError(
            f"camera '{config.name}': there is no {config.device}. Cameras on this machine: {others}. Plug it in, or "
            "name another."
        )
    if not path.is_char_device():
        return
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
    except OSError as error:
        mend = {
            errno.EACCES: "Join the group that may: sudo usermod -aG video $USER, then log in again.",
            errno.EBUSY: f"Another program uses it: `fuser -v {config.device}` tells which.",
        }.get(error.errno or 0, "Plug it in again.")
        raise LostError(
            f"camera '{config.name}': {config.device} cannot be opened ({error.strerror}). {mend}"
        ) from error


def _other_size(config: OpenCvConfig, height: int, width: int) -> str:
    asked = config.size or (0, 0)
    return (
        f"camera '{config.name}': {config.device} delivers {width} x {height} pixels, and {asked[1]} x {asked[0]} were "
        f"asked for. `v4l2-ctl --list-formats-ext -d {config.device}` lists what it can; set size= and fourcc= to one."
    )
