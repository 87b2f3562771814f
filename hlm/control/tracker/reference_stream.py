"""The reference stream on an even time grid: resampled by time, eased in at the start, held when it stops."""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S, due_ns
from hlm.core.errors import InputError
from hlm.core.layout import NAMES
from hlm.core.values import Reference


class ReferenceStream:
    """References of any increasing stamps in, vectors of slots 0, 1, 2, ... of the grid out.

    A slot's vector is the linear interpolation between the references on either side of its instant.

    Args:
        rate_hz: slots per second.
        ease_in_s: time over which the difference between the start and the first reference fades.
    """

    def __init__(self, rate_hz: float, ease_in_s: float) -> None:
        self._rate_hz = rate_hz
        self._ease_in_s = ease_in_s

    def start(self, stamp_ns: int, vector: FloatArray) -> FloatArray:
        """Forget everything; slot 0 is at `stamp_ns` and has the [34] `vector`. Returns [1, 34] that slot's vector."""
        self._origin_ns = stamp_ns
        self._slots = 1
        self._last_stamp_ns = stamp_ns
        self._last_vector: FloatArray = np.array(vector, dtype=np.float64)
        self._pushed_ns: int | None = None
        self._first_ns = stamp_ns
        self._offset = np.zeros_like(self._last_vector)
        return self._last_vector[None].copy()

    def push(self, reference: Reference) -> FloatArray:
        """Take the next reference.

        Returns:
            [new, 34] vectors of the slots up to its stamp that had none yet; may be empty.

        Raises:
            InputError: an entry is not finite, or the stamp is older than the one before.
        """
        vector = reference.vector
        if not np.all(np.isfinite(vector)):
            bad = ", ".join(name for name, value in zip(NAMES, vector, strict=True) if not np.isfinite(value))
            raise InputError(f"reference at {reference.stamp_ns} ns is not finite in {bad}; it was refused.")
        if self._pushed_ns is None:
            if reference.stamp_ns < self._origin_ns:
                raise InputError(
                    f"reference at {reference.stamp_ns} ns is older than the tracker's start at {self._origin_ns} ns."
                )
            self._first_ns, self._offset = reference.stamp_ns, self._last_vector - vector
        elif reference.stamp_ns <= self._pushed_ns:
            raise InputError(
                f"reference at {reference.stamp_ns} ns is not newer than the last one at {self._pushed_ns} ns."
            )
        self._pushed_ns = reference.stamp_ns
        return self._advance(reference.stamp_ns, self._eased(reference.stamp_ns, vector))

    def hold_until(self, instant_ns: int) -> FloatArray:
        """Repeat the last vector on the slots up to `instant_ns` that have none yet. Returns [new, 34] those slots."""
        return self._advance(max(instant_ns, self._last_stamp_ns), self._last_vector)

    def _advance(self, stamp_ns: int, vector: FloatArray) -> FloatArray:
        """Slots up to `stamp_ns` on the line from the last vector to this one."""
        new: list[FloatArray] = []
        span_ns = stamp_ns - self._last_stamp_ns
        while (slot_ns := due_ns(self._origin_ns, self._slots, self._rate_hz)) <= stamp_ns:
            weight = 1.0 if span_ns <= 0 else (slot_ns - self._last_stamp_ns) / span_ns
            new.append((1.0 - weight) * self._last_vector + weight * vector)
            self._slots += 1
        # A reference that comes after the slots were held past it counts from the next slot on.
        self._last_stamp_ns, self._last_vector = max(stamp_ns, self._last_stamp_ns), vector
        return np.array(new).reshape(-1, len(NAMES))

    def _eased(self, stamp_ns: int, vector: FloatArray) -> FloatArray:
        """The reference plus what is left of the first one's distance from the start."""
        share = min((stamp_ns - self._first_ns) / NS_PER_S / self._ease_in_s, 1.0)
        return vector + (1.0 - share * share * (3.0 - 2.0 * share)) * self._offset
