"""Footsteps, and the soles and centre of mass over time that walk them.

The centre of mass is that of a linear inverted pendulum whose zero-moment point moves from one standing foot to the
next; its divergent component is integrated backwards from the end, where it rests (Englsberger et al. 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hlm.control.interpolation import minimum_jerk
from hlm.control.model import GRAVITY_M_S2
from hlm.core.arrays import FloatArray, frozen
from hlm.core.errors import InputError
from hlm.core.rotations import wrap_angle

LEFT, RIGHT = 0, 1
_GRID_S = 0.005
_NEAR_M, _NEAR_RAD = 0.01, 0.02
_LATERAL, _TURN = 1, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class GaitConfig:
    """How steps are taken.

    Attributes:
        single_support_s: time that a foot is in the air.
        double_support_s: time between two swings.
        shift_s: time over which the load moves onto the first standing foot, and back to the middle at the end.
        rest_s: time at the end in which everything comes to rest.
        swing_height_m: highest point of a sole.
        stance_width_m: distance of the soles when standing.
        center_of_mass_height_m: above the soles.
        max_step: forward (m), sideways (m) and turn (rad) of the body in one step.
    """

    single_support_s: float = 0.55
    double_support_s: float = 0.2
    shift_s: float = 0.6
    rest_s: float = 1.0
    swing_height_m: float = 0.05
    stance_width_m: float = 0.236
    center_of_mass_height_m: float = 0.66
    max_step: tuple[float, float, float] = (0.15, 0.08, 0.25)

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in self.__slots__:
            value = np.min(getattr(self, name))
            if not value > 0.0:
                raise InputError(f"GaitConfig.{name} must be positive, got {value}.")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Footstep:
    """Where a foot goes next.

    Attributes:
        foot: `LEFT` or `RIGHT`.
        sole: [3] x (m), y (m) and yaw (rad) of the sole's centre on the ground.
    """

    foot: int
    sole: FloatArray

    def __post_init__(self) -> None:
        """Check and copy."""
        if self.foot not in (LEFT, RIGHT):
            raise InputError(f"a footstep's foot must be {LEFT} (left) or {RIGHT} (right), got {self.foot}.")
        object.__setattr__(self, "sole", frozen(self.sole, (3,), "footstep"))


class WalkingPose(NamedTuple):
    """One instant of a walk.

    Attributes:
        sole_position_m: [foot, 3] sole centres.
        sole_yaw_rad: [foot].
        com_position_m: [2].
    """

    sole_position_m: FloatArray
    sole_yaw_rad: FloatArray
    com_position_m: FloatArray


def middle(soles: FloatArray) -> FloatArray:
    """[3] x, y and yaw between the [foot, 3] soles."""
    yaw = soles[0, 2] + 0.5 * wrap_angle(soles[1, 2] - soles[0, 2])
    return np.array([*soles[:, :2].mean(axis=0), float(yaw)])


def footsteps_to(goal: FloatArray, soles: FloatArray, config: GaitConfig) -> tuple[Footstep, ...]:
    """Steps that bring the middle of the feet to a place; none when it is there, within 1 cm and 0.02 rad.

    Args:
        goal: [3] x, y and yaw of the middle between the feet.
        soles: [foot, 3] x, y and yaw of where the feet stand.
        config: how far a step goes.
    """
    start = middle(soles)
    way = goal - start
    way[_TURN] = float(wrap_angle(way[_TURN]))
    if np.hypot(way[0], way[1]) < _NEAR_M and abs(way[_TURN]) < _NEAR_RAD:
        return ()
    forward, sideways = _turned(way[:2], -start[_TURN])
    steps = int(np.ceil(np.max(np.abs([forward, sideways, way[_TURN]]) / np.array(config.max_step)) - 1e-9))
    velocity = np.array([forward, sideways, way[_TURN]])
    return _alternating([start + way * (step + 1) / steps for step in range(steps)], velocity, config)


def footsteps_along(
    velocities: Sequence[tuple[float, float, float, float]], soles: FloatArray, config: GaitConfig
) -> tuple[Footstep, ...]:
    """Steps that walk at body velocities, one after the other.

    Args:
        velocities: forward (m/s), sideways (m/s), turn (rad/s), and for how long (s).
        soles: [foot, 3] x, y and yaw of where the feet stand.
        config: duration of a step.
    """
    step_s = config.single_support_s + config.double_support_s
    body = middle(soles)
    bodies: list[FloatArray] = []
    for forward, sideways, turn, duration_s in velocities:
        for _ in range(round(duration_s / step_s)):
            # The first step starts from rest and only goes half as far.
            share = step_s if bodies else 0.5 * step_s
            heading = body[_TURN] + 0.5 * share * turn
            moved = _turned(share * np.array([forward, sideways]), heading)
            body = body + np.array([*moved, share * turn])
            bodies.append(body)
    return _alternating(bodies, np.array(velocities[0][:3]), config) if bodies else ()


def _alternating(bodies: list[FloatArray], velocity: FloatArray, config: GaitConfig) -> tuple[Footstep, ...]:
    """Left and right in turn to where the body goes, and the other foot beside the last."""
    foot = LEFT
    if velocity[_LATERAL] < 0.0 or (velocity[_LATERAL] == 0.0 and velocity[_TURN] < 0.0):
        foot = RIGHT
    steps = []
    for body in [*bodies, bodies[-1]]:
        side = 0.5 * config.stance_width_m * (1.0 if foot == LEFT else -1.0)
        offset = _turned(np.array([0.0, side]), body[_TURN])
        steps.append(Footstep(foot=foot, sole=np.array([*(body[:2] + offset), body[_TURN]])))
        foot = 1 - foot
    return tuple(steps)


class WalkingPattern:
    """Soles and centre of mass while footsteps are taken.

    Args:
        footsteps: in order, alternating feet.
        soles: [foot, 3] x, y and yaw of where the feet stand at the start.
        config: times and heights.
    """

    def __init__(self, footsteps: Sequence[Footstep], soles: FloatArray, config: GaitConfig) -> None:
        self._config = config
        self._footsteps = tuple(footsteps)
        self._stands = [frozen(soles, (2, 3), "soles")]
        for step in self._footsteps:
            moved = self._stands[-1].copy()
            moved[step.foot] = step.sole
            self._stands.append(moved)
        step_s = config.single_support_s + config.double_support_s
        self._lifts_s = config.shift_s + step_s * np.arange(len(self._footsteps))
        walked_s = step_s * len(self._footsteps) - config.double_support_s
        self.duration_s = config.shift_s + walked_s + config.shift_s + config.rest_s if self._footsteps else 0.0
        self._time_s = np.arange(0.0, self.duration_s + _GRID_S, _GRID_S)
        self._center_of_mass_m = self._pendulum()

    def at(self, time_s: float) -> WalkingPose:
        """Where everything is; before the start and after the end the body rests."""
        number = int(np.searchsorted(self._lifts_s, time_s, side="right")) - 1
        soles = self._stands[max(number, 0)].copy()
        heights = np.zeros(2)
        if number >= 0:
            step = self._footsteps[number]
            share = min((time_s - self._lifts_s[number]) / self._config.single_support_s, 1.0)
            way = step.sole - soles[step.foot]
            way[_TURN] = float(wrap_angle(way[_TURN]))
            soles[step.foot] += minimum_jerk(min(max(1.1 * share - 0.05, 0.0), 1.0)) * way
            heights[step.foot] = self._config.swing_height_m * np.sin(np.pi * share) ** 2
        com_m = np.array([np.interp(time_s, self._time_s, self._center_of_mass_m[:, axis]) for axis in range(2)])
        return WalkingPose(np.column_stack([soles[:, :2], heights]), soles[:, 2], com_m)

    def _pendulum(self) -> FloatArray:
        """[time, 2] centre of mass on the grid."""
        pressure_m = self._pressure()
        step = np.exp(-np.sqrt(GRAVITY_M_S2 / self._config.center_of_mass_height_m) * _GRID_S)
        diverging = pressure_m.copy()
        for row in range(len(pressure_m) - 2, -1, -1):
            diverging[row] = pressure_m[row] + step * (diverging[row + 1] - pressure_m[row])
        com_m = diverging.copy()
        com_m[0] = pressure_m[0]
        for row in range(len(com_m) - 1):
            com_m[row + 1] = diverging[row] + step * (com_m[row] - diverging[row])
        return com_m

    def _pressure(self) -> FloatArray:
        """[time, 2] zero-moment point: it stands still under a foot that stands alone and moves in between."""
        config = self._config
        instants, points = [0.0], [self._stands[0][:, :2].mean(axis=0)]
        for lift_s, step, stand in zip(self._lifts_s, self._footsteps, self._stands, strict=False):
            standing = stand[1 - step.foot, :2]
            instants += [lift_s, lift_s + config.single_support_s]
            points += [standing, standing]
        if self._footsteps:
            instants.append(instants[-1] + config.shift_s)
            points.append(self._stands[-1][:, :2].mean(axis=0))
        before = np.clip(np.searchsorted(instants, self._time_s, side="right") - 1, 0, max(len(instants) - 2, 0))
        after = np.minimum(before + 1, len(instants) - 1)
        span_s = np.maximum(np.array(instants)[after] - np.array(instants)[before], _GRID_S)
        share = minimum_jerk(np.clip((self._time_s - np.array(instants)[before]) / span_s, 0.0, 1.0))[:, None]
        return (1.0 - share) * np.array(points)[before] + share * np.array(points)[after]


def _turned(vector: FloatArray, yaw_rad: float) -> FloatArray:
    """[2] vector turned by a yaw."""
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.array([cos * vector[0] - sin * vector[1], sin * vector[0] + cos * vector[1]])
