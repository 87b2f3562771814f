"""One foot that is lifted and put down again while the body stands on the other: slow enough to need no dynamics."""

from __future__ import annotations

import numpy as np

from hlm.control.commanded_body.config import CommandedBodyConfig
from hlm.control.commanded_body.following import Moving, followed
from hlm.control.inverse_kinematics import PoseTarget
from hlm.control.model import LEFT
from hlm.control.walking_pattern import WalkingPose, rotated
from hlm.core.arrays import FloatArray
from hlm.core.rotations import matrix_from_quat

# Where a lifted foot may be, from the one that stands, mirrored for the right foot: ahead, outwards, up (m), yaw (rad).
_LEAST = np.array([-0.1, 0.2, 0.0, -0.1])
_MOST = np.array([0.1, 0.3, 0.08, 0.3])
# The foot leaves the floor when the weight is this close to the middle of the other, and goes sideways from this
# height on.
_OVER_FOOT_M, _OVER_FOOT_M_S = 0.012, 0.03
_CLEAR_M, _ABOVE_GOAL_M = 0.03, 0.01
# It comes down as if the floor were this much deeper, so that it arrives, and the weight waits for it this long.
_PRESS_M, _SETTLED_S = 0.01, 0.4
# The weight stands this far inside of the middle of a foot: trackers tend to let it sink inwards.
_INSIDE_M = -0.004


class FootLift:
    """Moves one foot, from standing on two to standing on two.

    Args:
        foot: that is lifted.
        soles: [foot, 3] x (m), y (m) and yaw (rad) of the soles at the start, both on the floor.
        com: centre of mass at the start, [2].
        config: paces.
    """

    def __init__(self, foot: int, soles: FloatArray, com: Moving, config: CommandedBodyConfig) -> None:
        self.foot = foot
        self.finished = False
        self._config = config
        self._standing = soles[1 - foot].copy()
        self._outwards = 1.0 if foot == LEFT else -1.0
        self._com = com
        self._foot = Moving.at_rest(np.array([*soles[foot, :2], 0.0, soles[foot, 2]]))
        self._start = self._foot.value.copy()
        self._loaded = False
        self._down_s = 0.0

    @property
    def soles(self) -> FloatArray:
        """[foot, 3] x (m), y (m) and yaw (rad) of the soles."""
        soles = np.empty((2, 3))
        soles[1 - self.foot] = self._standing
        soles[self.foot] = self._foot.value[[0, 1, 3]]
        return soles

    @property
    def com(self) -> Moving:
        """The centre of mass, [2]."""
        return self._com

    def advance(self, target: PoseTarget | None, dt_s: float) -> WalkingPose:
        """Feet and centre of mass after `dt_s`.

        Args:
            target: of the foot, in the same frame as the soles; None puts it back to where it stood.
            dt_s: time since the last call.
        """
        inside_m = rotated(np.array([0.0, self._outwards * _INSIDE_M]), self._standing[2])
        over_m = self._standing[:2] + inside_m
        self._com = followed(self._com, over_m, self._config.com, dt_s)
        off_m, speed_m_s = np.linalg.norm(self._com.value - over_m), np.linalg.norm(self._com.rate)
        self._loaded |= bool(off_m < _OVER_FOOT_M and speed_m_s < _OVER_FOOT_M_S)
        if target is None and not self._loaded:
            self.finished = True
        elif self._loaded:
            self._move(target, dt_s)
        return self.pose()

    def pose(self) -> WalkingPose:
        """Feet and centre of mass now."""
        heights = np.zeros(2)
        heights[self.foot] = self._foot.value[2]
        soles = self.soles
        return WalkingPose(np.column_stack([soles[:, :2], heights]), soles[:, 2], self._com.value)

    def _move(self, target: PoseTarget | None, dt_s: float) -> None:
        """Up, over, and down."""
        wanted = self._start if target is None else self._possible(target)
        here = self._foot.value
        goal = wanted.copy()
        if float(np.linalg.norm(wanted[:2] - here[:2])) > _ABOVE_GOAL_M or abs(wanted[3] - here[3]) > 5 * _ABOVE_GOAL_M:
            goal[2] = max(wanted[2], 2.0 * _CLEAR_M)
        if wanted[2] > 0.0 or goal[2] > 0.0:
            self._down_s = 0.0
        if here[2] < _CLEAR_M:
            goal[[0, 1, 3]] = here[[0, 1, 3]]
        lands = goal[2] <= 0.0
        goal[2] -= _PRESS_M if lands else 0.0
        self._foot = followed(self._foot, goal, self._config.foot, dt_s)
        if self._foot.value[2] <= 0.0:
            self._foot.value[2] = self._foot.rate[2] = 0.0
            self._down_s += dt_s if lands else 0.0
        self.finished = target is None and self._down_s > _SETTLED_S

    def _possible(self, target: PoseTarget) -> FloatArray:
        """[4] nearest x, y, z (m) and yaw (rad) that the foot can be put to."""
        yaw = self._standing[2]
        if target.quat_world_from_frame_wxyz is not None:
            ahead = matrix_from_quat(target.quat_world_from_frame_wxyz)[:, 0]
            yaw = float(np.arctan2(ahead[1], ahead[0]))
        away = rotated(target.position_in_world_m[:2] - self._standing[:2], -self._standing[2])
        turn = float(np.arctan2(np.sin(yaw - self._standing[2]), np.cos(yaw - self._standing[2])))
        mirror = np.array([1.0, self._outwards, 1.0, self._outwards])
        inside = mirror * np.clip(mirror * np.array([*away, target.position_in_world_m[2], turn]), _LEAST, _MOST)
        place_m = self._standing[:2] + rotated(inside[:2], self._standing[2])
        return np.array([*place_m, inside[2], self._standing[2] + inside[3]])
