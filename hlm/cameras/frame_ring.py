"""A camera's newest frames in shared memory, whatever their size."""

from __future__ import annotations

import struct

import numpy as np

from hlm.core.errors import MismatchError
from hlm.core.shared_slots import SharedSlots
from hlm.core.values import CameraFrame

# Room for UHD pictures; memory that no frame was written to is never taken.
MAX_PIXELS = 3840 * 2160
# A reader that was interrupted in the middle of a frame still finds it while the next one is being written.
_SLOTS = 3
_HEADER = struct.Struct("<q2I")  # stamp, height, width


class FrameRing:
    """The newest frames of one camera, written by one process and read by any number; see `SharedSlots`."""

    def __init__(self) -> None:
        self._memory = SharedSlots(_HEADER.size + 3 * MAX_PIXELS, _SLOTS)

    @property
    def written(self) -> int:
        """Number of frames that were ever written."""
        return self._memory.written

    def append(self, frame: CameraFrame) -> None:
        """Write a frame.

        Raises:
            MismatchError: it has too many pixels.
        """
        height, width, _ = frame.image.shape
        if height * width > MAX_PIXELS:
            raise MismatchError(
                f"an image of {width} x {height} pixels is larger than 3840 x 2160: set the camera to smaller ones."
            )
        self._memory.append(_HEADER.pack(frame.stamp_ns, height, width) + frame.image.tobytes())

    def newest(self) -> CameraFrame | None:
        """The newest frame; None before the first."""
        content = self._memory.newest()
        if content is None:
            return None
        stamp_ns, height, width = _HEADER.unpack_from(content)
        pixels = np.frombuffer(content, np.uint8, offset=_HEADER.size)
        return CameraFrame(stamp_ns, pixels.reshape(height, width, 3))
