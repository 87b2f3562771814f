"""The legs of a commanded body: they stand, walk, or lift a foot, one after the other."""

from __future__ import annotations

import numpy as np

from hlm.control.commanded_body.config import CommandedBodyConfig
from hlm.control.commanded_body.following import Moving, followed
from hlm.control.commanded_body.foot_lift import FootLift
from hlm.control.commanded_body.walk import Walk
from hlm.control.inverse_kinematics import PoseTarget
from hlm.control.model import LEFT, RIGHT
from hlm.control.walking_pattern import WalkingPose, middle
from hlm.core.arrays import FloatArray

type SoleTargets = tuple[PoseTarget | None, PoseTarget | None]

_RESTS_M, _RESTS_M_S = 0.02, 0.05


class Legs:
    """Feet and centre of mass on the floor of the operator's world, whose height is 0 here.

    Args:
        soles: [foot, 3] x (m), y (m) and yaw (rad) of the soles at the start.
        com_m: [2] centre of mass at the start.
        config: limits and paces.
    """

    def __init__(self, soles: FloatArray, com_m: FloatArray, config: CommandedBodyConfig) -> None:
        self._config = config
        self._soles = soles.copy()
        self._com = Moving.at_rest(com_m)
        self._walk: Walk | None = None
        self._lift: FootLift | None = None
        self._stance = Moving.at_rest(middle(soles))

    @property
    def walking(self) -> bool:
        """Whether it takes steps, or comes to rest from them."""
        return self._walk is not None

    @property
    def on_one_foot(self) -> bool:
        """Whether a foot is lifted, or the weight moves off it."""
        return self._lift is not None

    @property
    def stance(self) -> FloatArray:
        """[3] x (m), y (m) and yaw (rad) midway between the feet; it waits for a foot that is lifted."""
        return self._stance.value

    def advance(self, velocity: FloatArray, targets: SoleTargets, dt_s: float, *, upright: bool) -> WalkingPose:
        """Feet and centre of mass after `dt_s`.

        Args:
            velocity: [3] walking velocity ahead (m/s), to the left (m/s) and turning left (rad/s), within limits.
            targets: of the soles, in the operator's world with the floor at 0.
            dt_s: time since the last call.
            upright: whether the pelvis is where it may be while a foot is in the air.
        """
        if self._walk is None and self._lift is None and upright and self._rests():
            self._start(velocity, targets)
        if self._walk is not None:
            return self._walked(self._walk, velocity, dt_s)
        if self._lift is not None:
            return self._lifted(self._lift, targets, walks=bool(velocity.any()), dt_s=dt_s)
        goal = middle(self._soles)
        self._com = followed(self._com, goal[:2], self._config.com, dt_s)
        self._stance = followed(self._stance, goal, self._config.com, dt_s)
        return WalkingPose(np.column_stack([self._soles[:, :2], np.zeros(2)]), self._soles[:, 2], self._com.value)

    def _rests(self) -> bool:
        """Whether the centre of mass is between the feet and still."""
        off_m = float(np.linalg.norm(self._com.value - middle(self._soles)[:2]))
        return off_m < _RESTS_M and float(np.linalg.norm(self._com.rate)) < _RESTS_M_S

    def _start(self, velocity: FloatArray, targets: SoleTargets) -> None:
        """Begin what is asked."""
        if velocity.any():
            self._walk = Walk(self._soles, self._com.value, velocity, self._config)
        elif targets[LEFT] is not None or targets[RIGHT] is not None:
            foot = LEFT if targets[LEFT] is not None else RIGHT
            self._lift = FootLift(foot, self._soles, self._com, self._config)

    def _walked(self, walk: Walk, velocity: FloatArray, dt_s: float) -> WalkingPose:
        pose = walk.advance(velocity, dt_s)
        self._soles = np.column_stack([pose.sole_position_m[:, :2], pose.sole_yaw_rad])
        self._com = Moving((pose.com_position_m), (pose.com_position_m - self._com.value) / dt_s)
        self._stance = Moving.at_rest(middle(self._soles))
        if walk.finished:
            self._walk = None
        return pose

    def _lifted(self, lift: FootLift, targets: SoleTargets, *, walks: bool, dt_s: float) -> WalkingPose:
        pose = lift.advance(None if walks else targets[lift.foot], dt_s)
        self._soles, self._com = lift.soles, lift.com
        if lift.finished:
            self._lift = None
        return pose
