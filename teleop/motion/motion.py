"""A person's motion in our world, and what its file was found to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.spatial.transform import Rotation

from hlm.core.arrays import FloatArray, frozen
from hlm.core.clock import NS_PER_S
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS, BodyKeypoints


@dataclass(frozen=True, kw_only=True, slots=True)
class MotionFacts:
    """What was found in a file of motion.

    Attributes:
        file: its name.
        unit: of its lengths, in words.
        unit_m: length of its unit.
        up: its upward axis, such as `y`.
        orientations: what the orientations were measured against, in words.
        stature_m: of the person, estimated by its legs.
        joints: what stands for each keypoint; keypoints that the file lacks are absent.
        notes: what a person should know, a sentence each.
    """

    file: str
    unit: str
    unit_m: float
    up: str
    orientations: str
    stature_m: float
    joints: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Motion:
    """Keypoints over time, in a world with z up, the floor at 0, the pelvis at first above its origin, looking along x.

    Attributes:
        frame_time_s: between two frames.
        position_in_world_m: [time, keypoint, 3] in the order of `KEYPOINTS`; not numbers for those that are not known.
        quat_world_from_keypoint_wxyz: [time, keypoint, 4] as in `BodyKeypoints`.
        facts: about its file.
    """

    frame_time_s: float
    position_in_world_m: FloatArray
    quat_world_from_keypoint_wxyz: FloatArray
    facts: MotionFacts

    def __post_init__(self) -> None:
        """Check shapes and make the arrays read-only copies."""
        frames = len(self.position_in_world_m)
        for name, width in (("position_in_world_m", 3), ("quat_world_from_keypoint_wxyz", 4)):
            object.__setattr__(self, name, frozen(getattr(self, name), (frames, len(KEYPOINTS), width), name))

    @property
    def frames(self) -> int:
        """How many there are."""
        return len(self.position_in_world_m)

    @property
    def duration_s(self) -> float:
        """From the first frame to the last."""
        return (self.frames - 1) * self.frame_time_s

    @property
    def stamp_ns(self) -> FloatArray:
        """[time] nanoseconds since the first frame, int64."""
        return np.round(np.arange(self.frames) * self.frame_time_s * NS_PER_S).astype(np.int64)

    def frame(self, index: int, stamp_ns: int = 0) -> BodyKeypoints:
        """The person in one frame."""
        return BodyKeypoints(
            stamp_ns=stamp_ns,
            position_in_world_m=self.position_in_world_m[index],
            quat_world_from_keypoint_wxyz=self.quat_world_from_keypoint_wxyz[index],
        )

    def at(self, time_s: float, stamp_ns: int) -> BodyKeypoints:
        """The person at a time, between two frames; before the first and after the last it stands as there.

        Args:
            time_s: since the first frame.
            stamp_ns: of the keypoints.
        """
        slot = min(max(time_s / self.frame_time_s, 0.0), self.frames - 1.0)
        before = min(int(slot), self.frames - 2)
        share = slot - before
        first, second = self.position_in_world_m[before : before + 2]
        return BodyKeypoints(
            stamp_ns=stamp_ns,
            position_in_world_m=(1.0 - share) * first + share * second,
            quat_world_from_keypoint_wxyz=_between(self.quat_world_from_keypoint_wxyz[before : before + 2], share),
        )


def _between(quats_wxyz: FloatArray, share: float) -> FloatArray:
    """[keypoint, 4] on the way from the first to the second of [2, keypoint, 4]."""
    between = np.full(quats_wxyz.shape[1:], np.nan)
    known = np.isfinite(quats_wxyz).all(axis=(0, 2))
    if known.any():
        first, second = (Rotation.from_quat(quats, scalar_first=True) for quats in quats_wxyz[:, known])
        turn = Rotation.from_rotvec(share * (second * first.inv()).as_rotvec())
        between[known] = (turn * first).as_quat(scalar_first=True)
    return between
