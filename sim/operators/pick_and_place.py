"""How a scripted operator's right hand picks an upright object and puts it onto a mat."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.sim.operators.hand_strokes import HandRow, HandStrokes, Stroke


class PickAndPlaceStrokes:
    """The strokes around an object and a mat; how close and how high the hand comes varies between episodes.

    Args:
        hand: moves; all positions are in its frame.
        object_m: [3] centre of the object now.
        mat_m: [3] centre of the mat now.
        half_height_m: of the object.
    """

    def __init__(
        self,
        hand: HandStrokes,
        object_m: Callable[[], FloatArray],
        mat_m: Callable[[], FloatArray],
        half_height_m: float,
    ) -> None:
        self._hand = hand
        self._object_m = object_m
        self._mat_m = mat_m
        self._half_height_m = half_height_m
        self._height_m = hand.vary(0.008)[2]
        self._before_m = 0.11 + float(hand.vary(0.012)[0])
        self.waypoint_m = hand.vary(0.012)
        self._release_m = hand.vary(0.004) * np.array([1.0, 1.0, 0.0])

    def at_object(self, back_m: float = 0.0, up_m: float = 0.0) -> FloatArray:
        """[3] grip around the object, or this far before and above it."""
        return self._object_m() + np.array([-back_m, 0.0, up_m + self._height_m])

    def at_mat(self, back_m: float = 0.0, up_m: float = 0.0) -> FloatArray:
        """[3] grip with the object on the mat, or this far before and above it."""
        offset_m = np.array([-back_m, 0.0, self._half_height_m + up_m + self._height_m])
        return self._mat_m() + offset_m + self._release_m

    def pick(self, bend: float = 0.0) -> Iterator[HandRow]:
        """Come before the object, close in from the front with open fingers, and close them."""
        move, before_m = self._hand.move, self._before_m
        above_m = self.waypoint_m
        yield from move(Stroke(goal=lambda: self.at_object(before_m + 0.05, 0.06) + above_m, duration_s=1.6, bend=bend))
        yield from self._hand.pause(0.5)
        yield from move(Stroke(goal=lambda: self.at_object(before_m), duration_s=0.7, bend=bend, watch=True))
        yield from move(Stroke(goal=self.at_object, duration_s=0.95, bend=bend, watch=True))
        grasp_m = self._hand.grip_m.copy()
        yield from move(Stroke(goal=lambda: grasp_m, duration_s=0.3, bend=bend, watch=True))
        yield from move(Stroke(goal=lambda: grasp_m, duration_s=0.5, bend=bend, opening=0.0))

    def put(self, bend: float = 0.0) -> Iterator[HandRow]:
        """Bring what is held above the mat, set it down and let go."""
        move = self._hand.move
        yield from move(Stroke(goal=lambda: self.at_mat(0.05, 0.06), duration_s=1.2, bend=bend))
        yield from self._hand.pause(0.3)
        yield from move(Stroke(goal=lambda: self.at_mat(0.0, 0.06), duration_s=0.5, bend=bend, watch=True))
        yield from move(Stroke(goal=lambda: self.at_mat(0.0, 0.002), duration_s=0.8, bend=bend, watch=True))
        place_m = self._hand.grip_m.copy()
        yield from move(Stroke(goal=lambda: place_m, duration_s=0.4, bend=bend, opening=1.0))

    def leave(self, back_m: FloatArray, home_m: FloatArray) -> Iterator[HandRow]:
        """Draw the open hand back by [3] `back_m`, then to [3] `home_m`; the body is upright."""
        move, clear_m = self._hand.move, self._hand.grip_m + back_m
        yield from move(Stroke(goal=lambda: clear_m, duration_s=0.7))
        yield from move(Stroke(goal=lambda: home_m, duration_s=1.1))
        yield from move(Stroke(goal=lambda: home_m, duration_s=0.4))
