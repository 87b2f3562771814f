"""Head and hands move the body's hands and pelvis from where they are: relative to the moment of taking hold."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.rotations import matrix_from_yaw
from hlm.teleop.devices.headset.hysteresis import Hysteresis
from hlm.teleop.devices.headset.sample import HeadsetSample

# Longer silence of a headset means that the person has moved unseen.
_GAP_NS = 300_000_000
# What of the head's way the next hold goes on from: beyond it the pelvis is at its limits, and would move late.
_HEAD_LOW_M = np.array([-0.1, -0.1, -0.5])
_HEAD_HIGH_M = np.array([0.5, 0.1, 0.0])


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Moved:
    """Where head and hands have brought the body.

    Attributes:
        holds: whether they move it now.
        head_in_stance_m: [3] displacement of the head while it was held, summed over all holds.
        grips: [4, 4] poses of the grips in the stance frame; None before a hand was first held.
    """

    holds: bool
    head_in_stance_m: FloatArray
    grips: tuple[FloatArray | None, FloatArray | None]


@dataclass(kw_only=True, slots=True)
class _Hold:
    """Where everything was when hold was taken.

    Attributes:
        rotation_stance_from_world: [3, 3] the way that the head looked then is the robot's way ahead.
        head_m: [3] of the head in the world.
        hands: of each hand, its pose in the world and that of the grip in the stance frame; None while it is unseen.
    """

    rotation_stance_from_world: FloatArray
    head_m: FloatArray
    hands: list[tuple[FloatArray, FloatArray] | None] = field(default_factory=lambda: [None, None])


class Clutch:
    """Head and hands move the body while a squeeze button is held, and at all times where hands are bare.

    As with a mouse that is lifted, letting go and taking hold again moves nothing, wherever the person is by then. The
    same is true of a hand that was out of sight, and of a headset that was silent.

    Args:
        grips_at_rest: [4, 4] poses of the grips in the stance frame from which the hands start.
    """

    def __init__(self, grips_at_rest: tuple[FloatArray, FloatArray]) -> None:
        self._rest = grips_at_rest
        self._squeezes = (Hysteresis(), Hysteresis())
        self._hold: _Hold | None = None
        self._grips: list[FloatArray | None] = [None, None]
        self._head_m: FloatArray = np.zeros(3)
        self._held_head_m: FloatArray = np.zeros(3)
        self._stamp_ns = 0

    def advance(self, sample: HeadsetSample) -> Moved:
        """Take the next sample."""
        squeezed = [
            hand is not None and (hand.bare or squeeze.update(hand.squeeze))
            for hand, squeeze in zip(sample.hands, self._squeezes, strict=True)
        ]
        if sample.stamp_ns - self._stamp_ns > _GAP_NS:
            self._hold = None
        self._stamp_ns = sample.stamp_ns
        if not any(squeezed) or sample.pose_world_from_head is None:
            self._hold = None
        else:
            self._move(sample, sample.pose_world_from_head)
        return Moved(
            holds=self._hold is not None,
            head_in_stance_m=self._head_m.copy(),
            grips=(self._grips[0], self._grips[1]),
        )

    def let_go(self) -> None:
        """Take hold anew with the next sample, whose world may be another."""
        self._hold = None

    def _move(self, sample: HeadsetSample, head: FloatArray) -> None:
        if self._hold is None:
            ahead = head[:3, 0]
            yaw_rad = float(np.arctan2(ahead[1], ahead[0]))
            self._hold = _Hold(rotation_stance_from_world=matrix_from_yaw(-yaw_rad), head_m=head[:3, 3])
            self._held_head_m = np.clip(self._head_m, _HEAD_LOW_M, _HEAD_HIGH_M)
        hold = self._hold
        self._head_m = self._held_head_m + hold.rotation_stance_from_world @ (head[:3, 3] - hold.head_m)
        for index, hand in enumerate(sample.hands):
            if hand is None:
                hold.hands[index] = None
                continue
            taken = hold.hands[index]
            if taken is None:
                grip = self._grips[index]
                taken = (hand.pose_world_from_wrist, self._rest[index] if grip is None else grip)
                hold.hands[index] = taken
            self._grips[index] = _carried(hold.rotation_stance_from_world, taken, hand.pose_world_from_wrist)


def _carried(rotation: FloatArray, taken: tuple[FloatArray, FloatArray], present: FloatArray) -> FloatArray:
    """[4, 4] the grip, moved and turned as the hand was since it was taken."""
    before, grip = taken
    pose = np.eye(4)
    pose[:3, 3] = grip[:3, 3] + rotation @ (present[:3, 3] - before[:3, 3])
    pose[:3, :3] = rotation @ present[:3, :3] @ before[:3, :3].T @ rotation.T @ grip[:3, :3]
    return pose
