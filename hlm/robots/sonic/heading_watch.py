"""Whether SONIC still turns what it is asked for by the angle that it began with."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S

# SONIC starts its heading once when a stream begins; by then it must have heard of it.
_SETTLED_NS = NS_PER_S


class HeadingWatch:
    """Compares the orientations at which SONIC says that it has started its heading; no clock, no socket."""

    def __init__(self) -> None:
        self._begun_ns: int | None = None
        self._start_wxyz: FloatArray | None = None
        self._trouble = ""

    def published(self, now_ns: int) -> None:
        """Frames were sent; the first ones since a stop begin the stream."""
        if self._begun_ns is None:
            self._begun_ns = now_ns

    def stopped(self) -> None:
        """The stream is over."""
        self._begun_ns = None

    def look(self, heading_start_wxyz: FloatArray, stamp_ns: int) -> None:
        """Take the [4] orientation in SONIC's newest measurement, of `stamp_ns`; not numbers where it says none."""
        before, self._start_wxyz = self._start_wxyz, None
        if self._begun_ns is None or stamp_ns - self._begun_ns < _SETTLED_NS:
            return
        self._start_wxyz = heading_start_wxyz
        if before is not None and not np.array_equal(before, heading_start_wxyz, equal_nan=True):
            self._trouble = "SONIC has started its heading again: it lost messages, or a person told it to"

    def trouble(self) -> str:
        """That it has started its heading again, in words, once; empty when it has not."""
        trouble, self._trouble = self._trouble, ""
        return trouble
