"""Cameras that change places in the middle of an episode: cables were plugged in again, or devices renumbered."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from hlm.core.arrays import ByteArray, FloatArray
from hlm.core.values import CameraFrame

# In the simulated tasks thumbnails differ by up to 16 levels from one picture of a camera to its next, and those of two
# cameras by 35 and more from each other (6 episodes).
_THUMBNAIL_PX, _SWAPPED_LEVELS = 16, 40.0
# After a gap a wrist may show anything. A camera that is gone for so long ends the episode in any case.
_COMPARED_NS = 350_000_000


class SwapWatch:
    """Compares what cameras show with what they showed last; begins anew with every episode.

    It cannot tell whether cameras had changed places before the episode began.
    """

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, FloatArray]] = {}

    def look(self, frames: Mapping[str, CameraFrame]) -> str:
        """Which cameras have changed places since the last call, in a sentence; empty if none have."""
        before = {
            name: self._seen[name][1]
            for name, frame in frames.items()
            if name in self._seen and frame.stamp_ns - self._seen[name][0] <= _COMPARED_NS
        }
        for name, frame in frames.items():
            if name not in self._seen or self._seen[name][0] != frame.stamp_ns:
                self._seen[name] = frame.stamp_ns, _thumbnail(frame.image)
        for one, other in combinations(sorted(before), 2):
            if _swapped(before[one], before[other], self._seen[one][1], self._seen[other][1]):
                return f"cameras '{one}' and '{other}' have changed places: each shows what the other showed"
        return ""


def _thumbnail(image: ByteArray) -> FloatArray:
    """[16 or so, 16 or so] brightness."""
    rows, columns = (max(1, side // _THUMBNAIL_PX) for side in image.shape[:2])
    thumbnail: FloatArray = image[::rows, ::columns].mean(axis=2, dtype=np.float64)
    return thumbnail


def _swapped(one: FloatArray, other: FloatArray, one_now: FloatArray, other_now: FloatArray) -> bool:
    """Whether each of two cameras now shows rather what the other one showed before."""
    if not one.shape == other.shape == one_now.shape == other_now.shape:
        return False
    own = _difference(one, one_now) + _difference(other, other_now)
    crossed = _difference(one, other_now) + _difference(other, one_now)
    return own > _SWAPPED_LEVELS and crossed < 0.5 * own


def _difference(one: FloatArray, other: FloatArray) -> float:
    return float(np.abs(one - other).mean())
