"""Frames on an even grid, within the limits of references, whose numbers go up by one for ever."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S, due_ns
from hlm.core.embodiment import Embodiment
from hlm.core.layout import GRIPPERS, ROOT_PITCH, ROOT_ROLL, ROOT_YAW_RATE, pack, unpack
from hlm.core.rotations import quat_from_roll_pitch_yaw, wrap_angle
from hlm.core.streaming import StreamFrames
from hlm.runtime.safety.reference_limits import JOINT_SPEED_SHARE, ReferenceLimits
from hlm.runtime.streaming.config import StreamingConfig
from hlm.runtime.streaming.playback import ReferencePlayback

# A step may come this share of a slot early, and is that slot's.
_EARLY = 0.25


class StreamEnd(NamedTuple):
    """Where a stream is, so that another process can go on with it.

    Attributes:
        next_index: number of the next frame.
        vector: [34] of the newest frame.
        heading_rad: of the newest frame.
    """

    next_index: int
    vector: FloatArray
    heading_rad: float


class FrameStream:
    """Makes a frame for each slot of a grid from what a `ReferencePlayback` wants there.

    The heading is the integral of the yaw rates that were played. A slot that was missed is not left out: robots such
    as SONIC advance by one frame in each of theirs, and forget where they head when a number jumps.

    Args:
        embodiment: the robot's table.
        config: of the stream.
    """

    def __init__(self, embodiment: Embodiment, config: StreamingConfig) -> None:
        self._config = config
        self._limits = ReferenceLimits(embodiment)
        speed_rad_s = JOINT_SPEED_SHARE * embodiment.velocity_rad_s
        self._top_speed = pack(speed_rad_s, np.full(2, np.inf), np.full(3, np.inf))
        self._end: StreamEnd | None = None
        self._kept: list[_Frame] = []
        self._origin_ns = 0
        self._slot = -1

    @property
    def end(self) -> StreamEnd | None:
        """Where the stream is; None before it began."""
        return self._end

    def begin(self, end: StreamEnd, now_ns: int) -> None:
        """Begin, or go on after a pause, with a grid whose first slot is now."""
        self._end, self._kept = end, []
        self._origin_ns, self._slot = now_ns, -1

    def advance(self, playback: ReferencePlayback, now_ns: int) -> StreamFrames | None:
        """The frames of all slots since the last call, after those that are repeated; None when no slot is due."""
        config, end = self._config, self._end
        slot = math.floor((now_ns - self._origin_ns) * config.rate_hz / NS_PER_S + _EARLY)
        # After a pause that no message can bridge the numbers go on as if it had not been.
        first = max(self._slot + 1, slot + 1 - (config.most_frames - config.repeated))
        if end is None or slot <= self._slot:
            return None
        frames = list(self._kept)
        for number in range(first, slot + 1):
            end, frame = self._next(playback, due_ns(self._origin_ns, number, config.rate_hz), end)
            frames.append(frame)
        self._end, self._slot, self._kept = end, slot, frames[len(frames) - config.repeated :]
        return StreamFrames(
            end.next_index - len(frames),
            np.stack([frame.joint_position_rad for frame in frames]),
            np.stack([frame.joint_velocity_rad_s for frame in frames]),
            np.stack([frame.quat_wxyz for frame in frames]),
            end.vector[list(GRIPPERS)],
        )

    def _next(self, playback: ReferencePlayback, instant_ns: int, end: StreamEnd) -> tuple[StreamEnd, _Frame]:
        dt_s = 1.0 / self._config.rate_hz
        wanted, velocity = playback.at(instant_ns, dt_s)
        vector = self._limits.limited(wanted, end.vector, dt_s)
        velocity = np.where(np.abs(vector - wanted) > 0.0, (vector - end.vector) / dt_s, velocity)
        velocity = np.clip(velocity, -self._top_speed, self._top_speed)
        playback.moved(vector, velocity)
        turned_rad = 0.5 * dt_s * (end.vector[ROOT_YAW_RATE] + vector[ROOT_YAW_RATE])
        heading_rad = float(wrap_angle(end.heading_rad + turned_rad))
        quat = quat_from_roll_pitch_yaw(np.array([vector[ROOT_ROLL], vector[ROOT_PITCH], heading_rad]))
        frame = _Frame(unpack(vector).joint_position_rad, unpack(velocity).joint_position_rad, quat)
        return StreamEnd(end.next_index + 1, vector, heading_rad), frame


class _Frame(NamedTuple):
    """One frame; see `hlm.core.streaming.StreamFrames`."""

    joint_position_rad: FloatArray
    joint_velocity_rad_s: FloatArray
    quat_wxyz: FloatArray
