"""What the decoupled interface is asked for: velocities and heights, pushes, and arms and a waist that always move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hlm.control.learned_legs.decoupled_command import (
    FORWARD_M_S,
    LEFTWARD_M_S,
    YAW_RATE_RAD_S,
    DecoupledCommand,
)
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S, STEP_HZ

BEGIN_S = 2.0  # standing before a walk
WANDER_S, STOPS = 2.0, 0.25
PUSH_N, SIDES = 100.0, 8
# Sines that the arms and the waist are asked for: their middle, with the hands before the body, and their half range.
MIDDLE_RAD = np.array([-0.4, 0.35, 0.0, 0.5, 0.0, 0.0, 0.0, -0.4, -0.35, 0.0, 0.5, 0.0, 0.0, 0.0])
ARM_RAD = np.tile([0.5, 0.15, 0.25, 0.5, 0.6, 0.4, 0.4], 2)
WAIST_RAD = np.array([0.4, 0.1, 0.2])
FREQUENCY_HZ = (0.1, 0.4)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is asked.

    Attributes:
        name: of the row.
        walk: forward and leftward velocity (m/s) and yaw rate (rad/s), from `BEGIN_S` on.
        walk_s: for how long.
        rest_s: what is observed after it.
        low_m: height of the pelvis while it stands; in a walk there is none.
        push_n: force at the torso for 0.2 s.
        push_s: when, or up to a second later.
        sides: pushes from how many sides, each for every seed.
        silent: whether the commands end with the walk, instead of asking to stand.
        wanders: whether the velocity is drawn, anew every `WANDER_S`, from all that can be asked; now and then it is 0.
    """

    name: str
    walk: tuple[float, float, float] = (0.0, 0.0, 0.0)
    walk_s: float = 0.0
    rest_s: float = 8.0
    low_m: float | None = None
    push_n: float = 0.0
    push_s: float = 0.0
    sides: int = 1
    silent: bool = False
    wanders: bool = False


CASES = (
    Case(name="forward 0.3 m/s", walk=(0.3, 0.0, 0.0), walk_s=8.0),
    Case(name="forward 0.45 m/s", walk=(0.45, 0.0, 0.0), walk_s=8.0),
    Case(name="backward 0.2 m/s", walk=(-0.2, 0.0, 0.0), walk_s=8.0),
    Case(name="leftward 0.2 m/s", walk=(0.0, 0.2, 0.0), walk_s=8.0),
    Case(name="rightward 0.2 m/s", walk=(0.0, -0.2, 0.0), walk_s=8.0),
    Case(name="turn 0.5 rad/s", walk=(0.0, 0.0, 0.5), walk_s=8.0),
    Case(name="turn -0.5 rad/s", walk=(0.0, 0.0, -0.5), walk_s=8.0),
    Case(name="arc 0.25 m/s, 0.4 rad/s", walk=(0.25, 0.0, 0.4), walk_s=8.0),
    Case(name="all at once", walk=(0.2, 0.1, 0.3), walk_s=8.0),
    Case(name="forward 0.3 m/s, stream ends", walk=(0.3, 0.0, 0.0), walk_s=6.0, silent=True),
    Case(name="any velocity, every 2 s", walk_s=20.0, wanders=True),
    Case(name="stand", rest_s=12.0),
    Case(name="squat to 0.55 m", low_m=0.55, rest_s=12.0),
    Case(name="squat to 0.5 m", low_m=0.5, rest_s=12.0),
    Case(name="squat, then forward 0.3 m/s", walk=(0.3, 0.0, 0.0), walk_s=8.0, low_m=0.55),
    Case(name="push, standing", rest_s=9.0, push_n=PUSH_N, push_s=2.5, sides=SIDES),
    Case(name="push, squatting", rest_s=9.0, low_m=0.55, push_n=PUSH_N, push_s=3.0, sides=SIDES),
    Case(
        name="push, forward 0.3 m/s",
        walk=(0.3, 0.0, 0.0),
        walk_s=6.0,
        rest_s=4.0,
        push_n=PUSH_N,
        push_s=4.0,
        sides=SIDES,
    ),
)


class Operator:
    """Asks for what a case says, with sines for arms and waist that are drawn.

    Args:
        case: what to ask.
        random: draws.
    """

    def __init__(self, case: Case, random: np.random.Generator) -> None:
        self._case = case
        self._middle_rad = np.array([*np.zeros(3), *MIDDLE_RAD])
        self._amplitude_rad = np.array([*WAIST_RAD, *ARM_RAD]) * random.uniform(0.5, 1.0, 17)
        self._rad_s = 2.0 * np.pi * random.uniform(*FREQUENCY_HZ, 17)
        self._phase_rad = random.uniform(0.0, 2.0 * np.pi, 17)
        lower, upper = np.array([FORWARD_M_S, LEFTWARD_M_S, YAW_RATE_RAD_S]).T
        self._drawn = random.uniform(lower, upper, (round(case.walk_s / WANDER_S) + 1, 3))
        self._drawn[random.uniform(size=len(self._drawn)) < STOPS] = 0.0

    def joints_rad(self, time_s: float) -> FloatArray:
        """[17] waist and arms."""
        sines = np.sin(self._rad_s * time_s + self._phase_rad)
        asked_rad: FloatArray = self._middle_rad + self._amplitude_rad * sines
        return asked_rad

    def asks(self, step: int) -> DecoupledCommand | None:
        """The command of a step, or silence."""
        case, time_s = self._case, step / STEP_HZ
        walked_s = time_s - BEGIN_S
        if case.silent and walked_s >= case.walk_s:
            return None
        walks = 0.0 <= walked_s < case.walk_s
        walk = self._drawn[int(walked_s / WANDER_S)] if walks and case.wanders else np.array(case.walk) * walks
        joints_rad = self.joints_rad(time_s)
        return DecoupledCommand(
            stamp_ns=round(time_s * NS_PER_S),
            velocity_in_heading_m_s=walk[:2],
            yaw_rate_rad_s=float(walk[2]),
            pelvis_height_m=None if walks else case.low_m,
            waist_rad=joints_rad[:3],
            arm_rad=joints_rad[3:],
        )
