"""Footstep planning, and the motion of soles and centre of mass that walks the footsteps.

The centre of mass is that of a linear inverted pendulum whose zero-moment point (ZMP) moves from one stance foot to
the next. Its divergent component of motion (DCM) is integrated backwards from the end, where it rests (Englsberger et
al. 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hlm.control.checks import require_positive
from hlm.control.interpolation import minimum_jerk
from hlm.control.model import LEFT, RIGHT, pendulum_frequency
from hlm.control.walking_pendulum import PendulumState, com_towards, dcm_to_rest
from hlm.core.arrays import FloatArray, frozen
from hlm.core.errors import InputError
from hlm.core.rotations import wrap_angle

_GRID_S = 0.005
_NEAR_M, _NEAR_RAD = 0.01, 0.02
# How fast the ZMP goes to where it corrects the DCM of a walk that goes on, and back.
_RAMP_S = 0.1
_LATERAL, _TURN = 1, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class GaitConfig:
    """Timing and size of the steps.

    Attributes:
        single_support_s: duration of a swing.
        double_support_s: time between two swings.
        weight_shift_s: time to shift the ZMP onto the first stance foot, and back to the middle at the end.
        rest_s: time at the end for the body to come to rest.
        swing_height_m: apex of the swing foot.
        stance_width_m: distance between the soles while standing.
        com_height_m: height of the centre of mass above the soles.
        max_step: largest forward (m), sideways (m) and turning (rad) motion of the body in one step.
    """

    single_support_s: float = 0.55
    double_support_s: float = 0.2
    weight_shift_s: float = 0.6
    rest_s: float = 1.0
    swing_height_m: float = 0.05
    stance_width_m: float = 0.236
    com_height_m: float = 0.66
    max_step: tuple[float, float, float] = (0.15, 0.08, 0.25)

    def __post_init__(self) -> None:
        """Check ranges."""
        require_positive(self, *self.__slots__)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Footstep:
    """Placement of one foot.

    Attributes:
        foot: `LEFT` or `RIGHT`.
        sole: [3] x (m), y (m) and yaw (rad) of the sole centre on the ground.
    """

    foot: int
    sole: FloatArray

    def __post_init__(self) -> None:
        """Check the foot and copy the array."""
        if self.foot not in (LEFT, RIGHT):
            raise InputError(f"a footstep's foot must be {LEFT} (left) or {RIGHT} (right), got {self.foot}.")
        object.__setattr__(self, "sole", frozen(self.sole, (3,), "footstep"))


class WalkingPose(NamedTuple):
    """Feet and centre of mass at one instant of a walk.

    Attributes:
        sole_position_m: [foot, 3] sole centres.
        sole_yaw_rad: [foot].
        com_position_m: [2] x and y of the centre of mass.
    """

    sole_position_m: FloatArray
    sole_yaw_rad: FloatArray
    com_position_m: FloatArray


class Onward(NamedTuple):
    """How a walk goes on from where another one is.

    Attributes:
        state: where the pendulum is, at an instant when both feet stand.
        lift_off_s: time from there until the first foot lifts off.
        corrected_s: time from there in which the ZMP makes up for the state; None means until the first touchdown.
    """

    state: PendulumState
    lift_off_s: float
    corrected_s: float | None = None


def middle(soles: FloatArray) -> FloatArray:
    """[3] x (m), y (m) and yaw (rad) midway between [foot, 3] soles."""
    yaw = soles[0, 2] + 0.5 * wrap_angle(soles[1, 2] - soles[0, 2])
    return np.array([*soles[:, :2].mean(axis=0), float(yaw)])


def footsteps_to(goal: FloatArray, soles: FloatArray, config: GaitConfig) -> tuple[Footstep, ...]:
    """Footsteps that bring the middle of the feet to a goal; none within 1 cm and 0.02 rad of it.

    Args:
        goal: [3] x (m), y (m) and yaw (rad) of the middle between the feet.
        soles: [foot, 3] x (m), y (m) and yaw (rad) of the present soles.
        config: size of a step.
    """
    start = middle(soles)
    displacement = goal - start
    displacement[_TURN] = float(wrap_angle(displacement[_TURN]))
    if np.hypot(displacement[0], displacement[1]) < _NEAR_M and abs(displacement[_TURN]) < _NEAR_RAD:
        return ()
    forward, sideways = rotated(displacement[:2], -start[_TURN])
    steps = int(np.ceil(np.max(np.abs([forward, sideways, displacement[_TURN]]) / np.array(config.max_step)) - 1e-9))
    velocity = np.array([forward, sideways, displacement[_TURN]])
    return _alternating([start + displacement * (step + 1) / steps for step in range(steps)], velocity, config)


def footsteps_along(
    velocities: Sequence[tuple[float, float, float, float]], soles: FloatArray, config: GaitConfig
) -> tuple[Footstep, ...]:
    """Footsteps that walk at body velocities, one after the other.

    Args:
        velocities: forward (m/s), sideways (m/s) and yaw (rad/s) velocity, and the duration (s) of each.
        soles: [foot, 3] x (m), y (m) and yaw (rad) of the present soles.
        config: duration of a step.
    """
    step_s = config.single_support_s + config.double_support_s
    body = middle(soles)
    bodies: list[FloatArray] = []
    for forward, sideways, turn, duration_s in velocities:
        for _ in range(round(duration_s / step_s)):
            # The first step starts from rest and goes half as far.
            moving_s = step_s if bodies else 0.5 * step_s
            heading = body[_TURN] + 0.5 * moving_s * turn
            moved = rotated(moving_s * np.array([forward, sideways]), heading)
            body = body + np.array([*moved, moving_s * turn])
            bodies.append(body)
    return _alternating(bodies, np.array(velocities[0][:3]), config) if bodies else ()


def _alternating(bodies: list[FloatArray], velocity: FloatArray, config: GaitConfig) -> tuple[Footstep, ...]:
    """Footsteps of alternating feet beside each pose of the body, and a closing step at the last."""
    return footsteps_beside([*bodies, bodies[-1]], first_foot(velocity), config)


def first_foot(velocity: FloatArray) -> int:
    """The foot that starts a walk at [3] forward, sideways and turning velocity, so that feet do not cross."""
    rightwards = velocity[_LATERAL] < 0.0 or (velocity[_LATERAL] == 0.0 and velocity[_TURN] < 0.0)
    return RIGHT if rightwards else LEFT


def footsteps_beside(bodies: Sequence[FloatArray], foot: int, config: GaitConfig) -> tuple[Footstep, ...]:
    """Footsteps of alternating feet beside [3] poses x (m), y (m) and yaw (rad) of the body, beginning with `foot`."""
    steps = []
    for body in bodies:
        side = 0.5 * config.stance_width_m * (1.0 if foot == LEFT else -1.0)
        offset = rotated(np.array([0.0, side]), body[_TURN])
        steps.append(Footstep(foot=foot, sole=np.array([*(body[:2] + offset), body[_TURN]])))
        foot = 1 - foot
    return tuple(steps)


class WalkingPattern:
    """Motion of the soles and the centre of mass along footsteps.

    Args:
        footsteps: footsteps in order, of alternating feet.
        soles: [foot, 3] x (m), y (m) and yaw (rad) of the soles at the start.
        config: times and heights.
        onward: where the body is when the walk goes on from another one; None when it rests between the feet.

    Attributes:
        duration_s: duration of the walk until rest; 0 without footsteps.
        correction_m: [2] how far the ZMP moves from where footsteps alone would have it, so that the walk goes on from
            a state.
    """

    def __init__(
        self, footsteps: Sequence[Footstep], soles: FloatArray, config: GaitConfig, onward: Onward | None = None
    ) -> None:
        self._config = config
        self._onward = onward
        self._footsteps = tuple(footsteps)
        self._stances = [frozen(soles, (2, 3), "soles")]
        for step in self._footsteps:
            moved = self._stances[-1].copy()
            moved[step.foot] = step.sole
            self._stances.append(moved)
        step_s = config.single_support_s + config.double_support_s
        shift_s = config.weight_shift_s if onward is None else onward.lift_off_s
        self._lift_off_s = shift_s + step_s * np.arange(len(self._footsteps))
        walked_s = step_s * len(self._footsteps) - config.double_support_s
        self.duration_s = shift_s + walked_s + config.weight_shift_s + config.rest_s if self._footsteps else 0.0
        self._time_s = np.arange(0.0, self.duration_s + _GRID_S, _GRID_S)
        self._zmp_m = self._zmp()
        self._decay = float(np.exp(-pendulum_frequency(config.com_height_m) * _GRID_S))
        self._dcm_m = dcm_to_rest(self._zmp_m, self._decay)
        self.correction_m: FloatArray = np.zeros(2)
        if onward is not None:
            self._correct(onward)
        begin_m = self._zmp_m[0] if onward is None else onward.state.com_m
        self._com_m = com_towards(self._dcm_m, begin_m, self._decay)

    def at(self, time_s: float) -> WalkingPose:
        """Feet and centre of mass at a time; before the start and after the end the body rests."""
        number = int(np.searchsorted(self._lift_off_s, time_s, side="right")) - 1
        soles = self._stances[max(number, 0)].copy()
        heights = np.zeros(2)
        if number >= 0:
            step = self._footsteps[number]
            phase = min((time_s - self._lift_off_s[number]) / self._config.single_support_s, 1.0)
            displacement = step.sole - soles[step.foot]
            displacement[_TURN] = float(wrap_angle(displacement[_TURN]))
            soles[step.foot] += minimum_jerk(min(max(1.1 * phase - 0.05, 0.0), 1.0)) * displacement
            heights[step.foot] = self._config.swing_height_m * np.sin(np.pi * phase) ** 2
        com_m = np.array([np.interp(time_s, self._time_s, self._com_m[:, axis]) for axis in range(2)])
        return WalkingPose(np.column_stack([soles[:, :2], heights]), soles[:, 2], com_m)

    def touchdown_s(self, number: int) -> float:
        """When the swing foot of the footstep with this number, from 0, has landed."""
        return float(self._lift_off_s[number]) + self._config.single_support_s

    def state_at(self, time_s: float) -> PendulumState:
        """The pendulum at a time."""
        com_m, dcm_m, zmp_m = (
            np.array([np.interp(time_s, self._time_s, points[:, axis]) for axis in range(2)])
            for points in (self._com_m, self._dcm_m, self._zmp_m)
        )
        return PendulumState(com_m, dcm_m, zmp_m)

    def _correct(self, onward: Onward) -> None:
        """Move the ZMP for a while, so that the DCM begins where it is."""
        touchdown_s = onward.lift_off_s + self._config.single_support_s
        until_s = touchdown_s if onward.corrected_s is None else onward.corrected_s
        begin = minimum_jerk(np.clip(self._time_s / _RAMP_S, 0.0, 1.0))
        shape = begin * minimum_jerk(np.clip((until_s - self._time_s) / _RAMP_S, 0.0, 1.0))
        effect = dcm_to_rest(shape, self._decay)
        self.correction_m = (onward.state.dcm_m - self._dcm_m[0]) / effect[0]
        self._zmp_m = self._zmp_m + shape[:, None] * self.correction_m
        self._dcm_m = self._dcm_m + effect[:, None] * self.correction_m

    def _zmp(self) -> FloatArray:
        """[time, 2] ZMP on the grid: under the stance foot in single support, moving in double support, m."""
        config = self._config
        begin_m = self._stances[0][:, :2].mean(axis=0) if self._onward is None else self._onward.state.zmp_m
        instants, points = [0.0], [begin_m]
        for lift_off_s, step, stance in zip(self._lift_off_s, self._footsteps, self._stances, strict=False):
            stance_foot = stance[1 - step.foot, :2]
            instants += [lift_off_s, lift_off_s + config.single_support_s]
            points += [stance_foot, stance_foot]
        if self._footsteps:
            instants.append(instants[-1] + config.weight_shift_s)
            points.append(self._stances[-1][:, :2].mean(axis=0))
        before = np.clip(np.searchsorted(instants, self._time_s, side="right") - 1, 0, max(len(instants) - 2, 0))
        after = np.minimum(before + 1, len(instants) - 1)
        span_s = np.maximum(np.array(instants)[after] - np.array(instants)[before], _GRID_S)
        moved = minimum_jerk(np.clip((self._time_s - np.array(instants)[before]) / span_s, 0.0, 1.0))[:, None]
        return (1.0 - moved) * np.array(points)[before] + moved * np.array(points)[after]


def rotated(vector: FloatArray, yaw_rad: float) -> FloatArray:
    """[2] vector rotated by a yaw."""
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    return np.array([cos * vector[0] - sin * vector[1], sin * vector[0] + cos * vector[1]])
