"""Group a: what people did, as streams: whole and in windows, slowed, and in a mirror."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tracker_parts.clearance import cleared
from tracker_parts.clips import Clip, read_clip
from tracker_parts.retargeting import retargeted
from tracker_parts.streams import STREAM_STEPS, Stream, from_trajectory
from tracker_parts.trajectory import (
    at_origin,
    calmest,
    fitted,
    lead_in,
    lowest_m,
    mirrored,
    on_the_floor,
    resampled,
    stands,
)

from hlm.control.model import BodyModel
from hlm.core.arrays import FloatArray
from hlm.core.clock import STEP_HZ

_LEAST_WINDOW_S = 2.0


def clip_trajectory(model: BodyModel, clip: Clip) -> FloatArray:
    """[time, 36] what a clip asks of the robot, on the 30 Hz grid, inside the joints' limits and clear of the body."""
    recording = read_clip(clip)
    if recording.trajectory is not None:
        trajectory = resampled(recording.trajectory, recording.rate_hz, 1.0)
        low, high = model.embodiment.lower_rad, model.embodiment.upper_rad
        trajectory[:, 7:] = np.clip(trajectory[:, 7:], low, high)
    elif recording.points_m is not None:
        flat = recording.points_m.reshape(len(recording.points_m), -1)
        trajectory = retargeted(model, _on_grid(flat, recording.rate_hz).reshape(-1, *recording.points_m.shape[1:]))
    trajectory[:, 2] -= float(np.median(lowest_m(model, trajectory).min(axis=1)))
    return cleared(model, trajectory)


@dataclass(frozen=True, kw_only=True, eq=False)
class RealMotion:
    """A clip's motion.

    Attributes:
        name: of the clip.
        trajectory: [time, 36] of `clip_trajectory`.
        speed: share of its own speed.
        window: begin anywhere and last 10 s; else the whole clip.
        in_mirror: left is right.
    """

    name: str
    trajectory: FloatArray
    speed: float
    window: bool
    in_mirror: bool = False

    def make(self, model: BodyModel, random: np.random.Generator) -> Stream:
        """The stream; a window's start and mirror are drawn."""
        rows, in_mirror = self.trajectory, self.in_mirror
        if self.window:
            last_s = max(0.0, len(rows) / STEP_HZ - _LEAST_WINDOW_S)
            rows = rows[calmest(model, rows, round(random.uniform(0.0, last_s) * STEP_HZ)) :]
            in_mirror = bool(random.integers(2))
        rows = at_origin(resampled(mirrored(rows) if in_mirror else rows, STEP_HZ, self.speed))
        grounded = np.concatenate([on_the_floor(model, rows[:1]), rows[1:]])
        rows = grounded if stands(model, grounded) else lead_in(model, rows)
        return from_trajectory(fitted(rows, STREAM_STEPS) if self.window else rows)


def _on_grid(values: FloatArray, rate_hz: float) -> FloatArray:
    """[time, value] smoothed over 0.1 s and interpolated to 30 Hz: recordings are rounded to a centimetre."""
    width = max(1, round(0.1 * rate_hz)) | 1
    kernel = np.hanning(width + 2)[1:-1]
    padded = np.pad(values, ((width // 2, width // 2), (0, 0)), mode="edge")
    smooth = np.column_stack([np.convolve(column, kernel / kernel.sum(), "valid") for column in padded.T])
    times_s = np.arange(0.0, (len(values) - 1) / rate_hz + 1e-9, 1.0 / STEP_HZ)
    own_s = np.arange(len(values)) / rate_hz
    return np.column_stack([np.interp(times_s, own_s, column) for column in smooth.T])
