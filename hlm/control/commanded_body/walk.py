"""A walk whose footsteps are planned while it walks: anew at each touchdown, from the velocity that is asked then."""

from __future__ import annotations

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
)
from hlm.control.walking_pendulum import PendulumState
from hlm.core.arrays import FloatArray

# Steps of a plan before its closing one. What comes later moves the centre of mass now by less than a millimetre.
_STEPS_AHEAD = 3


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
        self._time_s = self._touchdown_s = 0.0
        self._final_soles = soles
        self._begin(soles, PendulumState(com_m, com_m, com_m), velocity)

    @property
    def finished(self) -> bool:
        """Whether it stands, and the body rests."""
        return self._time_s >= self._pattern.duration_s

    def advance(self, velocity: FloatArray, dt_s: float) -> WalkingPose:
        """Feet and centre of mass after `dt_s`.

        Args:
            velocity: [3] as it is asked now; zeros end the walk with the next step.
            dt_s: time since the last call.
        """
        self._time_s += dt_s
        if self._closed and velocity.any():
            self._begin(self._final_soles, self._pattern.state_at(self._time_s), velocity)
        elif not self._closed and self._time_s >= self._touchdown_s:
            self._land(velocity)
        return self._pattern.at(self._time_s)

    def _begin(self, soles: FloatArray, state: PendulumState, velocity: FloatArray) -> None:
        """A first step from both feet; it goes half as far as the others."""
        self._soles, self._body, self._closed = soles, middle(soles), False
        self._plan(Onward(state, self._gait.weight_shift_s), velocity, first_foot(velocity), starts=True)

    def _land(self, velocity: FloatArray) -> None:
        """Plan from the touchdown that was last; after the closing step the plan is followed to its end."""
        landed, late_s = self._footsteps[0], self._time_s - self._touchdown_s
        soles = self._soles.copy()
        soles[landed.foot] = landed.sole
        if self._closing:
            self._final_soles, self._closed = soles, True
            return
        state = self._pattern.state_at(self._touchdown_s)
        self._soles, self._body = soles, self._next_body
        self._plan(Onward(state, self._gait.double_support_s), velocity, 1 - landed.foot, starts=False)
        self._time_s = late_s

    def _plan(self, onward: Onward, velocity: FloatArray, foot: int, *, starts: bool) -> None:
        """Plan steps at a velocity and a closing one, of which the next is taken as it is."""
        step_s = self._gait.single_support_s + self._gait.double_support_s
        bodies, swing = [self._body], foot
        self._closing = not velocity.any()
        for number in range(0 if self._closing else _STEPS_AHEAD):
            moving_s = 0.5 * step_s if starts and number == 0 else step_s
            bodies.append(next_body(bodies[-1], velocity, swing, moving_s, self._config.unevenness))
            swing = 1 - swing
        ahead = [*bodies[1:], bodies[-1]]
        self._next_body = ahead[0]
        self._footsteps: tuple[Footstep, ...] = footsteps_beside(ahead, foot, self._gait)
        self._pattern = WalkingPattern(self._footsteps, self._soles, self._gait, onward)
        self._time_s, self._touchdown_s = 0.0, self._pattern.touchdown_s(0)
