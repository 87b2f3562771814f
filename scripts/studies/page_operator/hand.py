"""The right hand of the robot, moved through the page."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from screen import LOOK_S, PATIENCE_S, RESTS_M, RESTS_S, NotDoneError, Screen, Way

PLACE = "mat"
ARROWS = (("ArrowUp", "ArrowDown"), ("ArrowLeft", "ArrowRight"), ("PageUp", "PageDown"))
# Of the page's arrow keys; and how many of them along each axis between two looks.
STEP_M, MOST_STEPS = 0.01, 3
# A hand that moves no more for this long has come to rest, or is stuck.
STUCK_S = 1.5
# Near enough on the way, near enough where it matters, and how much may be added to come there.
NEAR_M, EXACT_M, MOST_CORRECTED_M = 0.04, 0.01, 0.05


class Hand:
    """The right hand, moved by the arrow keys of its handle, or by the buttons that do the same.

    Positions are counted from the mat, which does not move: where the hand is, is the way from the mat to it.

    Args:
        screen: the page.
        lead_m: how far the handle is ahead of the hand.
    """

    def __init__(self, screen: Screen, lead_m: float) -> None:
        self._screen = screen
        self._lead_m = lead_m
        screen.means.choose_hand()
        screen.until(lambda: PLACE in screen.ways(), "the table of ways")
        self._handle_m = self.position_m()
        self._press(np.array([0, 0, 1]))  # a handle that was not touched would go with the body

    def position_m(self) -> Way:
        """[3] of the hand."""
        way: Way = -self._screen.ways()[PLACE]
        return way

    def object_m(self, name: str) -> Way:
        """[3] of the middle of a thing."""
        ways = self._screen.ways()
        return ways[name] - ways[PLACE]

    def go(self, goal_m: Callable[[], Way], *, turn: int = 0, exactly: bool = False) -> None:
        """Move to a goal, such as a thing that may be pushed away.

        Args:
            goal_m: gives [3] where the hand is to be.
            turn: steps by which it turns to the left on the way.
            exactly: correct at last what is missing.

        Raises:
            NotDoneError: the episode ended, or it took too long.
        """
        end_s, correction_m = time.monotonic() + PATIENCE_S, np.zeros(3)
        rest_m, rest_since_s = self.position_m(), self._screen.recorded_s
        while time.monotonic() < end_s and self._screen.state in ("recording", "paused"):
            hand_m, goal, now_s = self.position_m(), goal_m(), self._screen.recorded_s
            steps = self._steps(goal + correction_m, hand_m)
            self._press(steps)
            if turn:
                self._turn(1 if turn > 0 else -1)
                turn -= 1 if turn > 0 else -1
            self._screen.wait(LOOK_S)
            # A hand that trembles lets the handle tremble by a step.
            if np.abs(steps).max() > 1 or turn or np.abs(hand_m - rest_m).max() > RESTS_M:
                rest_m, rest_since_s = hand_m, now_s
            missing_m = goal - hand_m
            if not exactly and not steps.any() and not turn and np.linalg.norm(missing_m) < NEAR_M:
                return
            if now_s - rest_since_s > (RESTS_S if exactly else STUCK_S):
                if not exactly or np.abs(missing_m).max() < EXACT_M or np.abs(correction_m).max() > MOST_CORRECTED_M:
                    return
                correction_m = correction_m + np.clip(missing_m, -2.0 * STEP_M, 2.0 * STEP_M)
                rest_since_s = now_s
        raise NotDoneError("the hand did not come to where it was sent.")

    def _steps(self, goal_m: Way, hand_m: Way) -> NDArray[np.int64]:
        """[3] steps of the handle now: towards the goal, not too far ahead of the hand."""
        wanted_m = goal_m - self._handle_m
        room_m = self._lead_m - np.sign(wanted_m) * (self._handle_m - hand_m)
        moved_m = np.sign(wanted_m) * np.minimum(np.abs(wanted_m), np.clip(room_m, 0.0, MOST_STEPS * STEP_M))
        steps: NDArray[np.int64] = np.rint(moved_m / STEP_M).astype(np.int64)
        return steps

    def _press(self, steps: NDArray[np.int64]) -> None:
        for (more, less), count in zip(ARROWS, steps, strict=True):
            self._screen.means.nudge(more if count > 0 else less, abs(int(count)))
        self._handle_m = self._handle_m + STEP_M * steps

    def _turn(self, sign: int) -> None:
        self._screen.means.nudge("PageUp" if sign > 0 else "PageDown", 1, turn=True)

    def grip(self) -> None:
        """Close the gripper, or open it, and wait for the fingers."""
        self._screen.means.grip()
        self._screen.pass_time(0.6)
