"""Strokes of a scripted operator's right hand, and how it corrects them by what it sees of the hand.

Speed, pauses and a slow tremor vary from episode to episode, so that demonstrations cover the neighbourhood of the
path. Positions are in a frame in which the feet stand still, x ahead and y to the left; its user chooses which.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hlm.control.walking_pattern import smooth
from hlm.core.arrays import FloatArray

ROW_HZ = 30.0
# The body follows its reference 0.2 s late: that many rows ago the hand was told to be where it is now.
_FOLLOW_ROWS = 6
_WATCH_GAIN_PER_S = 1.5
_WATCH_REACH_M = 0.03
_TREMOR_DECAY, _TREMOR_M = 0.92, 0.0005


@dataclass(frozen=True, kw_only=True, slots=True)
class Stroke:
    """One movement of the right hand.

    Attributes:
        goal: [3] where the grip goes, asked for anew at every row.
        duration_s: at normal speed.
        bend: of the body at the end, 0 upright to 1 as deep as the task needs.
        opening: of the gripper at the end; None leaves it.
        watch: correct the hand by what is seen of it.
    """

    goal: Callable[[], FloatArray]
    duration_s: float
    bend: float = 0.0
    opening: float | None = None
    watch: bool = False


class HandRow(NamedTuple):
    """The right hand in one row.

    Attributes:
        grip_m: [3] where the stroke has the grip.
        target_m: [3] what the body is told: with corrections and tremor.
        yaw_rad: of the hand, level.
        bend: of the body.
        opening: of the gripper.
    """

    grip_m: FloatArray
    target_m: FloatArray
    yaw_rad: float
    bend: float
    opening: float


class HandStrokes:
    """Moves the right hand of one episode row by row, from rest with an open gripper.

    Args:
        grip_m: [3] where the grip is at the start.
        see: [3] where the grip truly is now.
        rng: where variation comes from.
        variation: 0 repeats the same path, 1 varies as people do.
    """

    def __init__(
        self, grip_m: FloatArray, see: Callable[[], FloatArray], rng: np.random.Generator, variation: float
    ) -> None:
        self.grip_m: FloatArray = grip_m.copy()
        self._see = see
        self._rng = rng
        self._variation = variation
        self.yaw_rad = 0.0
        self._bend = 0.0
        self._opening = 1.0
        self._bias_m: FloatArray = np.zeros(3)
        self._tremor_m: FloatArray = np.zeros(3)
        self._asked_m: deque[FloatArray] = deque(maxlen=_FOLLOW_ROWS)
        self._speed = 1.0 + self._variation * self._rng.uniform(-0.15, 0.2)

    def vary(self, scale: float) -> FloatArray:
        """[3] draw of what differs between episodes."""
        return self._variation * self._rng.normal(0.0, scale, size=3)

    def pause(self, longest_s: float) -> Iterator[HandRow]:
        """Sometimes people wait."""
        if self._rng.random() < 0.4 * self._variation:
            here_m = self.grip_m.copy()
            wait_s = float(self._rng.uniform(0.1, longest_s))
            yield from self.move(Stroke(goal=lambda: here_m, duration_s=wait_s, bend=self._bend))

    def move(self, stroke: Stroke) -> Iterator[HandRow]:
        """The rows of a stroke."""
        factor = self._speed * (1.0 + self._variation * self._rng.uniform(-0.08, 0.12))
        rows = max(1, round(stroke.duration_s * factor * ROW_HZ))
        start_m, start_bend, start_opening = self.grip_m.copy(), self._bend, self._opening
        start_yaw = self.yaw_rad
        for row in range(1, rows + 1):
            share = smooth(row / rows)
            goal_m = stroke.goal()
            self.grip_m = start_m + share * (goal_m - start_m)
            self.yaw_rad = start_yaw + share * (_hand_yaw(goal_m) - start_yaw)
            self._bend = start_bend + share * (stroke.bend - start_bend)
            if stroke.opening is not None:
                self._opening = start_opening + min(1.0, 1.25 * row / rows) * (stroke.opening - start_opening)
            self._watch(stroke.watch)
            target_m = self.grip_m + self._bias_m + self._tremor_m
            yield HandRow(self.grip_m, target_m, self.yaw_rad, self._bend, self._opening)

    def _watch(self, watching: bool) -> None:  # noqa: FBT001 - read from the stroke
        """Move the target by what the hand is off, slowly; and let it tremble when it need not be exact."""
        if watching and len(self._asked_m) == _FOLLOW_ROWS:
            self._bias_m = self._bias_m + _WATCH_GAIN_PER_S / ROW_HZ * (self._asked_m[0] - self._see())
            self._bias_m = np.clip(self._bias_m, -_WATCH_REACH_M, _WATCH_REACH_M)
        self._asked_m.append(self.grip_m.copy())
        push = np.zeros(3) if watching else self.vary(_TREMOR_M)
        self._tremor_m = _TREMOR_DECAY * self._tremor_m + push


def _hand_yaw(goal_m: FloatArray) -> float:
    """A hand far to the right points a little outwards; one that reaches across comes in from the right."""
    across_rad = float(np.arctan2(goal_m[1] + 0.15, goal_m[0]))
    return across_rad * (0.4 if across_rad < 0.0 else 1.2)
