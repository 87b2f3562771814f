"""The references that a learned tracker sees: now, which is 0.2 s after their stamps, and ahead of now."""

from __future__ import annotations

import numpy as np

from hlm.control.learned_tracker.observation import LATENCY_SLOTS, PREVIEW_SLOTS, TRACKER_HZ
from hlm.control.tracker.reference_stream import ReferenceStream, StreamConfig
from hlm.core.arrays import FloatArray
from hlm.core.clock import due_ns
from hlm.core.values import Reference


class ReferenceWindow:
    """A stream on the grid of the network's ticks, which starts with the first tick."""

    def __init__(self) -> None:
        self._stream = ReferenceStream(TRACKER_HZ, StreamConfig().ease_in_s)
        self._start_ns = self._first = 0
        self._slots: list[FloatArray] = []

    def start(self, stamp_ns: int, vector: FloatArray) -> None:
        """Start again.

        Args:
            stamp_ns: instant of tick 0.
            vector: [34] where the stream starts.
        """
        self._start_ns, self._first = stamp_ns, 0
        self._slots = list(self._stream.start(stamp_ns, vector))

    def push(self, reference: Reference) -> None:
        """Add the next reference.

        Raises:
            InputError: an entry is not finite, or the stamp does not increase.
        """
        self._slots.extend(self._stream.push(reference))

    def at(self, tick: int) -> FloatArray:
        """[preview, 34] the references of `PREVIEW_SLOTS` from the one that is played at a tick.

        Before the start, and after what has arrived, the nearest one is held. Ticks must not decrease.
        """
        played = max(0, tick - LATENCY_SLOTS)
        self._slots.extend(self._stream.hold_until(due_ns(self._start_ns, played, TRACKER_HZ)))
        passed = min(max(0, played - self._first), len(self._slots) - 1)
        del self._slots[:passed]
        self._first += passed
        wanted = np.clip(played - self._first + np.array(PREVIEW_SLOTS), 0, len(self._slots) - 1)
        return np.array([self._slots[index] for index in wanted])
