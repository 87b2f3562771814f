"""Keypoints as a file has them, before unit, axes and floor are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import CorruptError
from hlm.teleop.keypoints.body_keypoints import KEYPOINTS

MOST_FRAMES = 1_000_000
_SHORTEST_S, _LONGEST_S = 1e-3, 1.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RawMotion:
    """Keypoints in the axes and the unit of their file.

    Attributes:
        frame_time_s: between two frames.
        position: [time, keypoint, 3] in the order of `KEYPOINTS`; not numbers where the file has no such joint.
        rotation: [time, keypoint, 3, 3] against the rest pose; None when the file has no orientations.
        rest_position: [keypoint, 3] in the rest pose; None when the file has none.
        joints: what stands for each keypoint that the file has.
        notes: what a person should know, a sentence each.
    """

    frame_time_s: float
    position: FloatArray
    rotation: FloatArray | None = None
    rest_position: FloatArray | None = None
    joints: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that this is a motion.

        Raises:
            CorruptError: it is empty, absurdly long, has no numbers where it should, or frames of no or absurd length.
        """
        must_move(len(self.position))
        if not _SHORTEST_S <= self.frame_time_s <= _LONGEST_S:
            raise CorruptError(
                f"a frame lasts {self.frame_time_s:g} s; it must be {_SHORTEST_S:g} to {_LONGEST_S:g} s. "
                "Give the rate with --fps."
            )
        known = self.position[:, [KEYPOINTS.index(keypoint) for keypoint in self.joints]]
        wrong = ~(np.abs(known) < 1e9).all(axis=(1, 2))
        if wrong.any():
            frame = int(np.argmax(wrong)) + 1
            raise CorruptError(
                f"frame {frame} has a position that is no number; cut the motion there, or fill the gap."
            )

    def track(self, keypoint: str) -> FloatArray:
        """[time, 3] positions of a keypoint."""
        found: FloatArray = self.position[:, KEYPOINTS.index(keypoint)]
        return found


def must_move(frames: int) -> None:
    """Refuse numbers of frames that are no motion.

    Raises:
        CorruptError: fewer than two, or absurdly many.
    """
    if frames < 2:
        raise CorruptError(f"the motion is empty: it has {frames} frames, and at least 2 are needed.")
    if frames > MOST_FRAMES:
        raise CorruptError(f"the motion has {frames} frames; more than {MOST_FRAMES} are not read: cut it.")
