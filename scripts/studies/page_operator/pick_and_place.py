"""The tasks as a person does them who looks at the page."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hand import Hand
from screen import NotDoneError, Screen, Way

# Ahead from the hand to what lies on a table that one stands at, and how exactly; how far a walk goes on after its key.
WITHIN_REACH_M, REACH_SPARE_M, STEP_AHEAD_M = 0.20, 0.06, 0.40
MOST_WALKS, PRESS_S = 8, (0.15, 0.4)
# Half the height of a cup or can: its middle is so far above the mat; and what is carried goes over those that stand.
HALF_HEIGHT_M, OVER_OTHERS_M = 0.06, 0.15


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """What differs from episode to episode, as it does with people.

    Attributes:
        lead_m: how far the handle is ahead of the hand: the larger, the faster.
        behind_m: how far in front of a thing the hand comes down before it goes ahead.
        above_m: how far above it.
        height_m: of the grasp above the middle of the thing.
        turn: steps by which the hand is turned in for what lies across.
    """

    lead_m: float
    behind_m: float
    above_m: float
    height_m: float
    turn: int

    @classmethod
    def drawn(cls, rng: random.Random) -> Style:
        """A style at random."""
        return cls(
            lead_m=rng.uniform(0.09, 0.13),
            behind_m=rng.uniform(0.13, 0.17),
            above_m=rng.uniform(0.05, 0.08),
            height_m=rng.uniform(-0.01, 0.015),
            turn=rng.randint(9, 12),
        )


class Operator:
    """Does an episode of a task.

    Args:
        screen: the page, recording.
        style: of this episode.
    """

    def __init__(self, screen: Screen, style: Style) -> None:
        self._screen = screen
        self._style = style

    def do(self, task: str) -> None:
        """Do the task that the instruction names."""
        {"shelf_cup_transfer": self._shelf, "cola_placement": self._cola}[task](self._screen.named())

    def _shelf(self, cup: str) -> None:
        style, screen = self._style, self._screen
        hand = Hand(screen, style.lead_m)
        screen.means.squat()
        self._grasp(hand, cup)
        lifted_m = hand.position_m() + np.array([0.0, 0.0, 0.07])
        hand.go(lambda: lifted_m)
        clear_m = np.array([-0.17, min(lifted_m[1], -0.20), lifted_m[2] + 0.02])
        hand.go(lambda: clear_m)
        screen.means.upright()
        self._place(hand, cup, clear_m[:2], self._style.above_m)
        back_m = hand.position_m() + np.array([-0.10, -0.03, 0.02])
        hand.go(lambda: back_m)

    def _cola(self, can: str) -> None:
        self._walk_up()
        hand = Hand(self._screen, self._style.lead_m)
        self._grasp(hand, can)
        self._place(hand, can, hand.position_m()[:2], OVER_OTHERS_M)
        # Along the fingers, which are turned in: moving across them would drag the can along.
        back_m = hand.position_m() + np.array([-0.10, -0.06, 0.01])
        hand.go(lambda: back_m)

    def _walk_up(self) -> None:
        """Walk until a step before all is within reach, and correct the rest by short walks."""
        screen = self._screen
        for _ in range(MOST_WALKS):
            missing_m = self._ahead_m() - WITHIN_REACH_M
            if abs(missing_m) < REACH_SPARE_M:
                return
            screen.means.walk(1 if missing_m > 0.0 else -1)
            if missing_m > STEP_AHEAD_M:
                screen.until(lambda: self._ahead_m() < WITHIN_REACH_M + STEP_AHEAD_M, "the table")
            else:
                screen.pass_time(float(np.clip(abs(missing_m), *PRESS_S)))
            screen.means.stand()
            screen.until_at_rest()
        raise NotDoneError(f"{MOST_WALKS} walks did not bring the table within reach.")

    def _ahead_m(self) -> float:
        """How far ahead of the hand things are."""
        return float(np.mean([way[0] for way in self._screen.ways().values()]))

    def _grasp(self, hand: Hand, thing: str) -> None:
        style = self._style

        def at_thing(behind_m: float, above_m: float) -> Callable[[], Way]:
            return lambda: hand.object_m(thing) + np.array([-behind_m, 0.0, above_m + style.height_m])

        hand.go(at_thing(style.behind_m + 0.04, style.above_m))
        # What is not straight ahead of the fingers would be pushed along.
        hand.go(at_thing(style.behind_m, 0.0), exactly=True)
        hand.go(at_thing(0.0, 0.0), exactly=True)
        hand.grip()

    def _place(self, hand: Hand, thing: str, column_m: Way, above_m: float) -> None:
        """Up in the column where the hand is, over the mat at a height above it, down, and let go."""
        held_m = hand.position_m() - hand.object_m(thing)

        def at_mat(above_m: float) -> Callable[[], Way]:
            return lambda: held_m + np.array([0.0, 0.0, HALF_HEIGHT_M + above_m])

        up_m = np.array([*column_m, at_mat(above_m)()[2]])
        hand.go(lambda: up_m)
        hand.go(at_mat(above_m), turn=self._style.turn)
        hand.go(at_mat(0.004), exactly=True)
        hand.grip()
