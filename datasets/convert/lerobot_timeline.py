"""When the rows of a LeRobot episode happened: `frame_index` and `timestamp` compared; pure functions on arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError
from hlm.core.wording import counted

# Further from it, a time may mean the frame next to it. LeRobot's times are 32-bit numbers: 0.1 ms after half an hour.
TOLERANCE_PERIODS = 0.45
# Units that others have written timestamps in, in seconds.
_UNITS = {"milliseconds": 1e-3, "microseconds": 1e-6, "nanoseconds": 1e-9}


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Timeline:
    """Rows of an episode in time.

    Attributes:
        order: [time] places of the rows in the order of their frames.
        time_s: [time] time of each row since frame 0, s.
        shown_s: [time] where its images are in the episode's part of a video, s.
        notes: what is unusual, without the episode.
    """

    order: npt.NDArray[np.intp]
    time_s: FloatArray
    shown_s: FloatArray
    notes: tuple[str, ...]


def timeline(frame: np.ndarray[Any, Any], timestamp: np.ndarray[Any, Any], rate_hz: float, where: str) -> Timeline:
    """Put rows into the order of their frames, and check that their timestamps mean the same moments.

    Args:
        frame: [time] `frame_index` of the rows.
        timestamp: [time] their `timestamp`, s.
        rate_hz: frames per second.
        where: the episode, for errors.

    Raises:
        CorruptError: a frame is there twice, or `frame_index` and `timestamp` contradict each other.
    """
    if not np.array_equal(frame, np.round(frame)):
        raise CorruptError(f"{where} has a frame_index that is no whole number.")
    order = np.argsort(frame, kind="stable")
    frame, said_s = frame[order].astype(np.int64), timestamp[order].astype(np.float64)
    notes = [] if bool((np.diff(order) > 0).all()) else ["rows were put in order"]
    if frame[0] < 0:
        raise CorruptError(f"{where} has frame_index {frame[0]}.")
    for place in np.flatnonzero(np.diff(frame) == 0):
        raise CorruptError(f"{where} has frame_index {frame[place]} twice.")
    time_s = frame / rate_hz
    shown_s, note = _shown(time_s, said_s, TOLERANCE_PERIODS / rate_hz, where)
    missing = np.diff(frame) - 1
    if missing.any():
        text = f"{counted(int(missing.sum()), 'frame')} removed in {counted(np.count_nonzero(missing), 'place')}"
        notes.append(f"{text}; the stamps keep the gaps")
    return Timeline(order=order, time_s=time_s, shown_s=shown_s, notes=(*notes, *([note] if note else [])))


def _shown(time_s: FloatArray, said_s: FloatArray, tolerance_s: float, where: str) -> tuple[FloatArray, str]:
    """Times of the images: `time_s`, shifted if all timestamps are; and a note."""
    if np.isfinite(said_s).all():
        early_s = said_s - time_s
        if np.abs(early_s).max() <= tolerance_s:
            return time_s, ""
        if np.ptp(early_s) <= tolerance_s:
            shift_s = float(np.median(early_s))
            return time_s + shift_s, f"timestamps are {shift_s:.3f} s after frame_index; images are taken at timestamps"
        for unit, second in _UNITS.items():
            if np.abs(said_s * second - time_s).max() <= tolerance_s:
                return time_s, f"timestamps are {unit}"
    row = int(np.argmax(np.where(np.isfinite(said_s), np.abs(said_s - time_s), np.inf)))
    raise CorruptError(
        f"row {row} of {where} contradicts itself: by frame_index it is {time_s[row]:.3f} s after the start, by "
        f"timestamp {said_s[row]:.3f} s. Its image is uncertain. Leave the episode out with --episodes, or mend it."
    )
