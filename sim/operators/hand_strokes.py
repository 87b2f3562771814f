"""Strokes of a scripted operator's right hand, with closed-loop correction of the hand's position.

Speed, pauses and a slow tremor vary between episodes, so that demonstrations cover the neighbourhood of the path.
Positions are in a frame chosen by the caller in which the feet stand still, x ahead and y to the left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hlm.control.interpolation import minimum_jerk
from hlm.core.arrays import FloatArray
from hlm.core.clock import STEP_HZ

# The body follows its reference 0.2 s late: the hand is now where it was planned to be this many steps ago.
_LAG_STEPS = 6
_CORRECTION_GAIN_PER_S = 1.5
_MAX_CORRECTION_M = 0.03
_TREMOR_DECAY, _TREMOR_M = 0.92, 0.0005


@dataclass(frozen=True, kw_only=True, slots=True)
class Stroke:
    """One movement of the right hand.

    Attributes:
        goal_m: returns the [3] goal of the grip; evaluated anew at every step.
        duration_s: duration at normal speed.
        bend: bend of the body at the end, from 0 (upright) to 1 (as deep as the task needs).
        opening: gripper opening at the end; None leaves it unchanged.
        closed_loop: correct the target by the observed position of the grip.
    """

    goal_m: Callable[[], FloatArray]
    duration_s: float
    bend: float = 0.0
    opening: float | None = None
    closed_loop: bool = False


class HandStep(NamedTuple):
    """The right hand at one step.

    Attributes:
        grip_m: [3] planned position of the grip.
        target_m: [3] commanded position of the grip: planned position, correction and tremor.
        yaw_rad: yaw of the hand, which is level.
        bend: bend of the body, from 0 to 1.
        opening: gripper opening, from 0 to 1.
    """

    grip_m: FloatArray
    target_m: FloatArray
    yaw_rad: float
    bend: float
    opening: float


class HandStrokes:
    """Moves the right hand of one episode step by step, from rest with an open gripper.

    Args:
        grip_m: [3] position of the grip at the start.
        observed_grip_m: returns the true [3] position of the grip.
        rng: source of the variation.
        variation: 0 repeats the same path, 1 varies as people do.
        bend: bend of the body at the start, from 0 (upright) to 1.
    """

    def __init__(
        self,
        grip_m: FloatArray,
        observed_grip_m: Callable[[], FloatArray],
        rng: np.random.Generator,
        variation: float,
        bend: float = 0.0,
    ) -> None:
        self.grip_m: FloatArray = grip_m.copy()
        self.yaw_rad = 0.0
        self._observed_grip_m = observed_grip_m
        self._rng = rng
        self._variation = variation
        self._bend = bend
        self._opening = 1.0
        self._correction_m: FloatArray = np.zeros(3)
        self._tremor_m: FloatArray = np.zeros(3)
        self._planned_m: deque[FloatArray] = deque(maxlen=_LAG_STEPS)
        self._speed = 1.0 + self._variation * self._rng.uniform(-0.15, 0.2)

    def sampled_offset_m(self, std_m: float) -> FloatArray:
        """[3] normally distributed offset that varies between episodes."""
        return self._variation * self._rng.normal(0.0, std_m, size=3)

    def pause(self, longest_s: float) -> Iterator[HandStep]:
        """Stand still for a while, in some of the episodes."""
        if self._rng.random() < 0.4 * self._variation:
            here_m = self.grip_m.copy()
            wait_s = float(self._rng.uniform(0.1, longest_s))
            yield from self.move(Stroke(goal_m=lambda: here_m, duration_s=wait_s, bend=self._bend))

    def move(self, stroke: Stroke) -> Iterator[HandStep]:
        """The steps of a stroke."""
        factor = self._speed * (1.0 + self._variation * self._rng.uniform(-0.08, 0.12))
        steps = max(1, round(stroke.duration_s * factor * STEP_HZ))
        start_m, start_bend, start_opening = self.grip_m.copy(), self._bend, self._opening
        start_yaw = self.yaw_rad
        for step in range(1, steps + 1):
            share = minimum_jerk(step / steps)
            goal_m = stroke.goal_m()
            self.grip_m = start_m + share * (goal_m - start_m)
            self.yaw_rad = start_yaw + share * (_hand_yaw(goal_m) - start_yaw)
            self._bend = start_bend + share * (stroke.bend - start_bend)
            if stroke.opening is not None:
                self._opening = start_opening + min(1.0, 1.25 * step / steps) * (stroke.opening - start_opening)
            if stroke.closed_loop:
                self._correct()
            self._planned_m.append(self.grip_m.copy())
            # No new tremor while the hand has to be exact.
            push_m = np.zeros(3) if stroke.closed_loop else self.sampled_offset_m(_TREMOR_M)
            self._tremor_m = _TREMOR_DECAY * self._tremor_m + push_m
            target_m = self.grip_m + self._correction_m + self._tremor_m
            yield HandStep(self.grip_m, target_m, self.yaw_rad, self._bend, self._opening)

    def _correct(self) -> None:
        """Integrate the observed position error, slowly and up to a limit."""
        if len(self._planned_m) < _LAG_STEPS:
            return
        error_m = self._planned_m[0] - self._observed_grip_m()
        correction_m = self._correction_m + _CORRECTION_GAIN_PER_S / STEP_HZ * error_m
        self._correction_m = np.clip(correction_m, -_MAX_CORRECTION_M, _MAX_CORRECTION_M)


def _hand_yaw(goal_m: FloatArray) -> float:
    """Yaw that points a little outwards far to the right, and comes in from the right when reaching across."""
    across_rad = float(np.arctan2(goal_m[1] + 0.15, goal_m[0]))
    return across_rad * (0.4 if across_rad < 0.0 else 1.2)
