"""Images that a policy must not see although they arrive in time: of cameras that froze or see nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hlm.core.arrays import ByteArray
from hlm.core.clock import NS_PER_S
from hlm.core.errors import InputError
from hlm.core.values import CameraFrame

# Enough to see whether there is anything in an image at all.
_EVERY_PX = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageChecks:
    """What is held against a camera's images.

    Attributes:
        frozen_after_s: a camera whose images do not change in a single pixel for this long is frozen. A real sensor's
            noise changes some pixels of every image; a simulated camera may look at a still world: None there.
        frozen_frames: at least so many images in a row are the same then.
        blank_range: an image is blank in which each colour differs by less than this over all pixels, of 255: a lens
            cap, or the single colour that broken cables and decoders give. 0 lets everything pass.
    """

    frozen_after_s: float | None = 0.5
    frozen_frames: int = 5
    blank_range: int = 8

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            InputError: a number that makes no sense.
        """
        if self.frozen_after_s is not None and not self.frozen_after_s > 0.0:
            raise InputError(f"a camera freezes after more than 0 s, not {self.frozen_after_s:g}.")
        if self.frozen_frames < 2 or not 0 <= self.blank_range <= 256:
            raise InputError(
                f"a frozen camera is seen from at least 2 images on, got {self.frozen_frames}, and blank_range lies "
                f"between 0 and 256, got {self.blank_range}."
            )


class ImageWatch:
    """Watches the images of one camera.

    Args:
        checks: what is held against them.
    """

    def __init__(self, checks: ImageChecks) -> None:
        self._checks = checks
        self._image: ByteArray | None = None
        self._since_ns = 0
        self._same = 0

    def fault(self, frame: CameraFrame) -> str:
        """What is wrong with the next frame, in words; empty if nothing is."""
        return self._frozen(frame) or self._blank(frame.image)

    def _frozen(self, frame: CameraFrame) -> str:
        limit_s = self._checks.frozen_after_s
        if limit_s is None:
            return ""
        if self._image is None or not np.array_equal(self._image, frame.image):
            self._image, self._since_ns, self._same = frame.image, frame.stamp_ns, 1
            return ""
        self._same += 1
        still_s = (frame.stamp_ns - self._since_ns) / NS_PER_S
        if still_s < limit_s or self._same < self._checks.frozen_frames:
            return ""
        return f"is frozen: {self._same} images in {still_s:.1f} s without one pixel that changed"

    def _blank(self, image: ByteArray) -> str:
        seen = image[::_EVERY_PX, ::_EVERY_PX].reshape(-1, 3)
        lowest, highest = seen.min(axis=0), seen.max(axis=0)
        if (highest.astype(int) - lowest >= self._checks.blank_range).any():
            return ""
        color = ", ".join(map(str, seen[0]))
        return f"sees nothing: all pixels have the colour ({color}). Is a cap on the lens, or a cable loose?"
