"""What a tracker is given in a run, and what it is held against."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
from tracker_parts.trajectory import JOINTS_AT, QUAT, configuration, row_of

from hlm.control.model import BodyModel, Configuration
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S, STEP_HZ
from hlm.core.layout import pack
from hlm.core.rotations import roll_pitch_yaw_from_quat
from hlm.core.yaw_rate import YawRate, filter_yaw_rate
from hlm.sim.motions import Motion

STREAM_S = 10.0
STREAM_STEPS = round(STREAM_S * STEP_HZ)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Stream:
    """References on the 30 Hz grid, and the motion that was meant.

    Attributes:
        start: where the robot is put, at rest.
        vectors: [time, 34] references; see `hlm.core.layout`.
        arrival_step: [time] step of the grid at which each reference arrives; -1 never.
        meant: [time, 34] references without noise and faults, which joints are compared with.
        height_m: [time] height of the pelvis above the floor that is meant.
        place_m: [time, 2] place of the pelvis that is meant; not a number where none is.
        heading_rad: [time] unwrapped yaw that is meant; not a number where none is.
    """

    start: Configuration
    vectors: FloatArray
    arrival_step: npt.NDArray[np.int64]
    meant: FloatArray
    height_m: FloatArray
    place_m: FloatArray
    heading_rad: FloatArray

    @property
    def duration_s(self) -> float:
        """Time from the first reference to the last."""
        return (len(self.vectors) - 1) / STEP_HZ

    def asking(self, vectors: FloatArray) -> Stream:
        """The stream with other references than those that are meant."""
        return replace(self, vectors=vectors)


class Recipe(Protocol):
    """Makes a stream; a value, so that it can be sent to another process."""

    @property
    def name(self) -> str:
        """What it makes, in a word or two."""
        ...

    def make(self, model: BodyModel, random: np.random.Generator) -> Stream:
        """The stream that this generator's numbers make; the same numbers make the same stream."""
        ...


def from_trajectory(trajectory: FloatArray) -> Stream:
    """The stream of a [time, 36] trajectory on the 30 Hz grid, with open grippers, as teleoperation would send it."""
    roll_pitch_yaw = roll_pitch_yaw_from_quat(trajectory[:, QUAT])
    yaw_rad = np.unwrap(roll_pitch_yaw[:, 2])
    rate, rates = None, []
    for step, yaw in enumerate(yaw_rad):
        rate = _next_rate(rate, step, float(yaw))
        rates.append(rate.rate_rad_s)
    root = np.column_stack([roll_pitch_yaw[:, :2], rates])
    vectors = pack(trajectory[:, JOINTS_AT], np.ones((len(trajectory), 2)), root)
    return Stream(
        start=configuration(trajectory[0]),
        vectors=vectors,
        arrival_step=np.arange(len(vectors)),
        meant=vectors,
        height_m=trajectory[:, 2],
        place_m=trajectory[:, :2],
        heading_rad=yaw_rad,
    )


def trajectory_of(motion: Motion) -> FloatArray:
    """[time, 36] trajectory of a standard motion."""
    return np.array([row_of(pose) for pose in motion.poses])


def _next_rate(rate: YawRate | None, step: int, yaw_rad: float) -> YawRate:
    return filter_yaw_rate(rate, round(step * NS_PER_S / STEP_HZ), yaw_rad)
