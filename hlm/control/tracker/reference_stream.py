"""The reference stream on an even time grid: resampled by time, eased in at the start, held when it stops."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hlm.control.checks import require_positive
from hlm.control.interpolation import smoothstep
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S, due_ns
from hlm.core.errors import InputError
from hlm.core.layout import NAMES
from hlm.core.values import Reference


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamConfig:
    """Resampling and playback of the reference stream.

    Attributes:
        rate_hz: rate of the grid that references are resampled to.
        latency_s: nominal time from a reference's stamp to its playback; newer references are the preview.
        history_s: length of the played past that smoothing and fits use.
        load_preview_s: time ahead at which the load on the feet is read: the body moves before its load does.
        ease_in_s: time over which the offset of the first reference from the pose at the reset fades.
    """

    rate_hz: float = 50.0
    latency_s: float = 0.2
    history_s: float = 0.4
    load_preview_s: float = 0.07
    ease_in_s: float = 0.5

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)


class ReferenceStream:
    """Resamples references of increasing stamps to the slots 0, 1, 2, ... of an even grid.

    A slot's vector is interpolated linearly between the references before and after its instant.

    Args:
        rate_hz: slots per second.
        ease_in_s: time over which the offset of the first reference from the start fades.
    """

    def __init__(self, rate_hz: float, ease_in_s: float) -> None:
        self._rate_hz = rate_hz
        self._ease_in_s = ease_in_s

    def start(self, stamp_ns: int, vector: FloatArray) -> FloatArray:
        """Start again with slot 0.

        Args:
            stamp_ns: instant of slot 0.
            vector: [34] its vector.

        Returns:
            [1, 34] the same vector.
        """
        self._origin_ns = stamp_ns
        self._slots = 1
        self._last_stamp_ns = stamp_ns
        self._last_vector: FloatArray = np.array(vector, dtype=np.float64)
        self._pushed_ns: int | None = None
        self._first_ns = stamp_ns
        self._offset = np.zeros_like(self._last_vector)
        return self._last_vector[None].copy()

    def push(self, reference: Reference) -> FloatArray:
        """Add the next reference.

        Returns:
            [new, 34] vectors of the slots that it completes; may be empty.

        Raises:
            InputError: an entry is not finite, or the stamp does not increase.
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
        """Hold the last vector until an instant.

        Args:
            instant_ns: end of the hold.

        Returns:
            [new, 34] vectors of the slots that this completes; may be empty.
        """
        return self._advance(max(instant_ns, self._last_stamp_ns), self._last_vector)

    def _advance(self, stamp_ns: int, vector: FloatArray) -> FloatArray:
        """[new, 34] slots up to `stamp_ns`, interpolated from the last vector to this one."""
        new: list[FloatArray] = []
        span_ns = stamp_ns - self._last_stamp_ns
        while (slot_ns := due_ns(self._origin_ns, self._slots, self._rate_hz)) <= stamp_ns:
            weight = 1.0 if span_ns <= 0 else (slot_ns - self._last_stamp_ns) / span_ns
            new.append((1.0 - weight) * self._last_vector + weight * vector)
            self._slots += 1
        # A reference that arrives after slots were held beyond its stamp takes effect from the next slot on.
        self._last_stamp_ns, self._last_vector = max(stamp_ns, self._last_stamp_ns), vector
        return np.array(new).reshape(-1, len(NAMES))

    def _eased(self, stamp_ns: int, vector: FloatArray) -> FloatArray:
        """[34] the reference plus the remaining offset of the first one from the start."""
        elapsed = min((stamp_ns - self._first_ns) / NS_PER_S / self._ease_in_s, 1.0)
        return vector + (1.0 - smoothstep(elapsed)) * self._offset
