"""A walk whose footsteps are planned while it walks: anew at each touchdown, from the velocity that is asked then."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hlm.control.commanded_body.config import CommandedBodyConfig
from hlm.control.commanded_body.velocity import next_body
from hlm.control.walking_pattern import (
    Footstep,
    Onward,
    WalkingPattern,
    WalkingPose,
    first_foot,
    footsteps_beside,
    middle,
    rotated,
)
from hlm.control.walking_pendulum import PendulumState
from hlm.core.arrays import FloatArray

# Steps of a plan before its closing one. What comes later moves the centre of mass now by less than a millimetre.
_STEPS_AHEAD = 3
# Times to shift the weight that are tried, as shares of the gait's, when it moves while a walk begins.
_SHIFTS = (1.0, 1.5, 2.0, 2.5, 3.0)
_CHECKED_S = 0.05
_CHANGES = np.linspace(0.0, 1.0, 21)


class _Plan(NamedTuple):
    """Footsteps that end at rest.

    Attributes:
        footsteps: in order; the next one is taken as it is.
        pattern: that walks them.
        body: [3] pose of the body after the next step.
        velocity: [3] that it was made for.
    """

    footsteps: tuple[Footstep, ...]
    pattern: WalkingPattern
    body: FloatArray
    velocity: FloatArray

    @property
    def closing(self) -> bool:
        """Whether the next step is the last one."""
        return not self.velocity.any()


class Walk:
    """Walks from its first instant until the feet stand beside each other and the body rests.

    Each plan ends at rest by itself. A plan that is made at a touchdown is followed from there.

    Args:
        soles: [foot, 3] x (m), y (m) and yaw (rad) of the soles at the start, both on the floor.
        com_m: [2] centre of mass at the start, at rest.
        velocity: [3] ahead (m/s), to the left (m/s) and turning left (rad/s).
        config: gait and evenness.
    """

    def __init__(self, soles: FloatArray, com_m: FloatArray, velocity: FloatArray, config: CommandedBodyConfig) -> None:
        self._config, self._gait = config, config.gait
        self._begin(soles, PendulumState(com_m, com_m, com_m), velocity)

    @property
    def finished(self) -> bool:
        """Whether it stands, and the body rests."""
        return self._time_s >= self._plan.pattern.duration_s

    @property
    def zmp_m(self) -> FloatArray:
        """[2] where the weight presses on the floor."""
        return self._plan.pattern.state_at(self._time_s).zmp_m

    def advance(self, velocity: FloatArray, dt_s: float) -> WalkingPose:
        """Feet and centre of mass after `dt_s`.

        Args:
            velocity: [3] as it is asked now; zeros end the walk as soon as its weight allows.
            dt_s: time since the last call.
        """
        self._time_s += dt_s
        if self._closed and velocity.any():
            self._begin(self._soles, self._plan.pattern.state_at(self._time_s), velocity)
        elif not self._closed and self._time_s >= self._touchdown_s:
            self._land(velocity)
        return self._plan.pattern.at(self._time_s)

    def _begin(self, soles: FloatArray, state: PendulumState, velocity: FloatArray) -> None:
        """A first step from both feet, half as long as the others, when the weight can be over one of them."""
        self._soles, self._body, self._closed = soles, middle(soles), False
        foot = first_foot(velocity)
        for share in _SHIFTS:
            shift_s = share * self._gait.weight_shift_s
            plan = self._planned(Onward(state, shift_s, shift_s), velocity, foot, starts=True)
            if self._presses_between_feet(plan.pattern, shift_s):
                break
        self._follow(plan, 0.0)

    def _presses_between_feet(self, pattern: WalkingPattern, until_s: float) -> bool:
        """Whether the ZMP stays between the feet, which stand beside each other, until the first of them lifts off."""
        ahead_m, aside_m = self._config.zmp_room_m
        apart_m = float(np.linalg.norm(self._soles[0, :2] - self._soles[1, :2]))
        most_m = np.array([ahead_m, 0.5 * apart_m + aside_m])
        for time_s in np.arange(0.0, until_s, _CHECKED_S):
            off_m = pattern.state_at(float(time_s)).zmp_m - self._body[:2]
            if np.any(np.abs(rotated(off_m, -self._body[2])) > most_m):
                return False
        return True

    def _land(self, velocity: FloatArray) -> None:
        """Plan from the touchdown that was last; after the closing step the plan is followed to its end."""
        plan, late_s = self._plan, self._time_s - self._touchdown_s
        landed = plan.footsteps[0]
        self._soles = self._soles.copy()
        self._soles[landed.foot] = landed.sole
        if plan.closing:
            self._closed = True
            return
        self._body = plan.body
        onward = Onward(plan.pattern.state_at(self._touchdown_s), self._gait.double_support_s)
        self._follow(self._changed(plan.velocity, velocity, onward, 1 - landed.foot), late_s)

    def _changed(self, before: FloatArray, wanted: FloatArray, onward: Onward, foot: int) -> _Plan:
        """A plan whose velocity is as near to the wanted one as the foot that stands can bear.

        Another velocity puts the next foot elsewhere than the weight is on its way to. The ZMP has to make up for that
        on the foot that stands. It does so in proportion to the change.
        """
        whole = self._planned(onward, wanted, foot, starts=False)
        if self._excess(whole.pattern.correction_m) <= 0.0:
            return whole
        same_m = self._planned(onward, before, foot, starts=False).pattern.correction_m
        corrections_m = same_m + _CHANGES[:, None] * (whole.pattern.correction_m - same_m)
        excess = np.array([self._excess(one) for one in corrections_m])
        change = _CHANGES[excess <= 0.0].max() if (excess <= 0.0).any() else _CHANGES[excess.argmin()]
        if change == 1.0:
            return whole
        return self._planned(onward, before + change * (wanted - before), foot, starts=False)

    def _excess(self, correction_m: FloatArray) -> float:
        """How far a ZMP is outside of its room on the foot, as a share of that; negative inside."""
        off_m = rotated(correction_m, -self._body[2])
        return float((np.abs(off_m) / np.array(self._config.zmp_room_m)).max()) - 1.0

    def _planned(self, onward: Onward, velocity: FloatArray, foot: int, *, starts: bool) -> _Plan:
        """Steps at a velocity and a closing one."""
        step_s = self._gait.single_support_s + self._gait.double_support_s
        bodies, swing = [self._body], foot
        for number in range(_STEPS_AHEAD if velocity.any() else 0):
            moving_s = 0.5 * step_s if starts and number == 0 else step_s
            bodies.append(next_body(bodies[-1], velocity, swing, moving_s, self._config.unevenness))
            swing = 1 - swing
        ahead = [*bodies[1:], bodies[-1]]
        footsteps = footsteps_beside(ahead, foot, self._gait)
        return _Plan(footsteps, WalkingPattern(footsteps, self._soles, self._gait, onward), ahead[0], velocity)

    def _follow(self, plan: _Plan, time_s: float) -> None:
        self._plan, self._time_s, self._touchdown_s = plan, time_s, plan.pattern.touchdown_s(0)
