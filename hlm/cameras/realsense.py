"""The colour camera of an Intel RealSense; needs the extra `realsense`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import numpy as np

from hlm.core.clock import NS_PER_S, MonotonicClock
from hlm.core.errors import InputError, LostError, MissingDependencyError
from hlm.core.values import CameraFrame

_NS_PER_MS = 1_000_000
# A stamp that is further from now comes from a clock that was set meanwhile.
_OLDEST_S = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class RealSenseConfig:
    """A RealSense camera.

    Attributes:
        name: of the camera.
        serial: number of the device; empty takes the only one.
        size: height and width, px.
        rate_hz: images per second.
        timeout_s: longest wait for an image.
    """

    name: str
    serial: str = ""
    size: tuple[int, int] = (480, 640)
    rate_hz: int = 30
    timeout_s: float = 1.0

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InputError: a value that makes no sense.
        """
        if min(self.size) < 1 or self.rate_hz < 1:
            raise InputError(
                f"camera '{self.name}' cannot deliver {self.rate_hz} images of {self.size[1]} x {self.size[0]} px."
            )


class RealSenseCamera:
    """The colour camera of a RealSense; implements `hlm.core.protocols.Cameras`. `capture` waits for the next image.

    Images carry the instant of their capture where the device's clock is mapped to the host's (the SDK's global time,
    on by default); a device without it gives the instant of arrival.

    Args:
        config: which.
    """

    def __init__(self, config: RealSenseConfig) -> None:
        self._config = config
        self._clock = MonotonicClock()
        self._sdk: Any = None
        self._pipeline: Any = None

    def __enter__(self) -> Self:
        """Start the stream of colour images.

        Raises:
            MissingDependencyError: the SDK is not installed.
            LostError: there is no such device, another program has it, or it has no such images.
        """
        sdk = self._sdk = _sdk()
        config, request = self._config, sdk.config()
        if config.serial:
            request.enable_device(config.serial)
        height, width = config.size
        request.enable_stream(sdk.stream.color, width, height, sdk.format.rgb8, config.rate_hz)
        pipeline = sdk.pipeline()
        try:
            pipeline.start(request)
        except RuntimeError as error:
            which = f"RealSense {config.serial}" if config.serial else "RealSense"
            raise LostError(
                f"camera '{config.name}': no {which} delivers {width} x {height} pixels at {config.rate_hz} Hz "
                f"({error}). `rs-enumerate-devices` lists devices and what they can; another program may use it."
            ) from error
        self._pipeline = pipeline
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the stream."""
        pipeline, self._pipeline = self._pipeline, None
        if pipeline is not None:
            with suppress(RuntimeError):  # of a device that was unplugged; why is told already
                pipeline.stop()

    def capture(self) -> Mapping[str, CameraFrame]:
        """The next image; those that nobody asked for are dropped by the SDK.

        Raises:
            LostError: none came in time, such as when the device was unplugged.
        """
        try:
            frame = self._pipeline.wait_for_frames(round(1000 * self._config.timeout_s)).get_color_frame()
        except RuntimeError as error:
            raise LostError(
                f"camera '{self._config.name}': the RealSense stopped delivering images ({error}). Is it unplugged?"
            ) from error
        if not frame:
            return {}
        # A copy: the SDK uses the frame's memory again.
        return {self._config.name: CameraFrame(self._stamp_ns(frame), np.array(frame.get_data(), np.uint8))}

    def _stamp_ns(self, frame: Any) -> int:
        """Instant of capture on the monotonic clock."""
        now_ns = self._clock.now_ns()
        domains = self._sdk.timestamp_domain
        if frame.get_frame_timestamp_domain() not in (domains.global_time, domains.system_time):
            return now_ns
        wall_ns = round(datetime.now(UTC).timestamp() * NS_PER_S)
        age_ns = wall_ns - round(frame.get_timestamp() * _NS_PER_MS)
        return now_ns - age_ns if 0 <= age_ns <= _OLDEST_S * NS_PER_S else now_ns


def _sdk() -> Any:
    try:
        import pyrealsense2
    except ImportError as error:
        raise MissingDependencyError(
            f"a RealSense needs its SDK ({error}). Run: pip install 'hlm[realsense]', and if a library is missing: "
            "sudo apt-get install -y libusb-1.0-0"
        ) from error
    return pyrealsense2
