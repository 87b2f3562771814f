"""Strokes with which a scripted operator's right hand picks an upright object and places it on a mat."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.sim.operators.hand_strokes import HandStep, HandStrokes, Stroke


class PickAndPlaceStrokes:
    """Strokes around an object and a mat; approach distances and heights vary between episodes.

    Args:
        hand: the hand that moves; all positions are in its frame.
        object_m: returns the [3] centre of the object.
        mat_m: returns the [3] centre of the mat.
        object_half_height_m: half the height of the object.
    """

    def __init__(
        self,
        hand: HandStrokes,
        object_m: Callable[[], FloatArray],
        mat_m: Callable[[], FloatArray],
        object_half_height_m: float,
    ) -> None:
        self._hand = hand
        self._object_m = object_m
        self._mat_m = mat_m
        self._object_half_height_m = object_half_height_m
        self._grasp_height_m = hand.sampled_offset_m(0.008)[2]
        self._approach_m = 0.11 + float(hand.sampled_offset_m(0.012)[0])
        self.waypoint_offset_m = hand.sampled_offset_m(0.012)
        self._release_offset_m = hand.sampled_offset_m(0.004) * np.array([1.0, 1.0, 0.0])

    def at_object(self, back_m: float = 0.0, up_m: float = 0.0) -> FloatArray:
        """[3] grip position around the object, or this far behind and above it."""
        return self._object_m() + np.array([-back_m, 0.0, up_m + self._grasp_height_m])

    def at_mat(self, back_m: float = 0.0, up_m: float = 0.0) -> FloatArray:
        """[3] grip position with the object on the mat, or this far behind and above it."""
        offset_m = np.array([-back_m, 0.0, self._object_half_height_m + up_m + self._grasp_height_m])
        return self._mat_m() + offset_m + self._release_offset_m

    def pick(self, bend: float = 0.0) -> Iterator[HandStep]:
        """Move in front of the object, approach it with open fingers, and close them."""
        move, approach_m = self._hand.move, self._approach_m

        def above_m() -> FloatArray:
            return self.at_object(approach_m + 0.05, 0.06) + self.waypoint_offset_m

        yield from move(Stroke(goal_m=above_m, duration_s=1.6, bend=bend))
        yield from self._hand.pause(0.5)
        yield from move(Stroke(goal_m=lambda: self.at_object(approach_m), duration_s=0.7, bend=bend, closed_loop=True))
        yield from move(Stroke(goal_m=self.at_object, duration_s=0.95, bend=bend, closed_loop=True))
        grasp_m = self._hand.grip_m.copy()
        yield from move(Stroke(goal_m=lambda: grasp_m, duration_s=0.3, bend=bend, closed_loop=True))
        yield from move(Stroke(goal_m=lambda: grasp_m, duration_s=0.5, bend=bend, opening=0.0))

    def place(self, bend: float = 0.0) -> Iterator[HandStep]:
        """Bring the held object above the mat, set it down and release it."""
        move = self._hand.move
        yield from move(Stroke(goal_m=lambda: self.at_mat(0.05, 0.06), duration_s=1.2, bend=bend))
        yield from self._hand.pause(0.3)
        yield from move(Stroke(goal_m=lambda: self.at_mat(0.0, 0.06), duration_s=0.5, bend=bend, closed_loop=True))
        yield from move(Stroke(goal_m=lambda: self.at_mat(0.0, 0.002), duration_s=0.8, bend=bend, closed_loop=True))
        release_m = self._hand.grip_m.copy()
        yield from move(Stroke(goal_m=lambda: release_m, duration_s=0.4, bend=bend, opening=1.0))

    def retreat(self, offset_m: FloatArray, home_m: FloatArray) -> Iterator[HandStep]:
        """Withdraw the open hand by [3] `offset_m`, then move it to [3] `home_m`, with the body upright."""
        move, clear_m = self._hand.move, self._hand.grip_m + offset_m
        yield from move(Stroke(goal_m=lambda: clear_m, duration_s=0.7))
        yield from move(Stroke(goal_m=lambda: home_m, duration_s=1.1))
        yield from move(Stroke(goal_m=lambda: home_m, duration_s=0.4))
