"""A hand of a commanded body: it follows its target, or hangs."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from hlm.control.commanded_body.config import CommandedBodyConfig
from hlm.control.commanded_body.following import Moving, Turning, followed, turned
from hlm.control.inverse_kinematics import PoseTarget
from hlm.control.model import rotation_from_quat
from hlm.core.arrays import FloatArray
from hlm.core.rotations import quat_from_matrix

# A hand that is let go hangs when it is this close to where its posture has it.
_HANGS_M, _HANGS_RAD = 0.01, 0.05


class Hand:
    """The grip in the stance frame. A hanging hand has no target: its posture keeps it.

    Args:
        pose_stance_from_grip: [4, 4] at the start.
        config: paces.
    """

    def __init__(self, pose_stance_from_grip: FloatArray, config: CommandedBodyConfig) -> None:
        self._config = config
        self._hangs = False
        self._place = Moving.at_rest(pose_stance_from_grip[:3, 3])
        self._turn = Turning(pose_stance_from_grip[:3, :3].copy(), np.zeros(3))

    def advance(
        self, target: PoseTarget | None, hanging: FloatArray, present: FloatArray, dt_s: float, *, walking: bool
    ) -> PoseTarget | None:
        """The target of the grip after `dt_s`, in the stance frame; None while it hangs.

        Args:
            target: what is asked, in the stance frame; None lets the hand go.
            hanging: [4, 4] where the grip would hang, in the stance frame.
            present: [4, 4] where it is, in the stance frame.
            dt_s: time since the last call.
            walking: whether the body cannot bear fast hands now.
        """
        if target is None and self._hangs:
            return None
        if self._hangs:
            self._be_at(present)
        self._hangs = False
        # Turned back by force while it walks, a hand has swung the waist by 1.6 rad.
        goal_m, rotation, free = hanging[:3, 3], hanging[:3, :3], walking
        if target is not None:
            goal_m = target.position_in_world_m
            free = target.quat_world_from_frame_wxyz is None
            if target.quat_world_from_frame_wxyz is not None:
                rotation = rotation_from_quat(target.quat_world_from_frame_wxyz)
        pace = self._config.walking_hand if walking else self._config.hand
        self._place = self._leashed(followed(self._place, goal_m, pace, dt_s), present[:3, 3])
        if free:
            self._turn = Turning(present[:3, :3], np.zeros(3))
        else:
            self._turn = turned(self._turn, rotation, self._config.hand_turn, dt_s)
        self._hangs = target is None and self._is_at(hanging)
        quat = None if free else quat_from_matrix(self._turn.rotation)
        return PoseTarget(position_in_world_m=self._place.value, quat_world_from_frame_wxyz=quat)

    def _leashed(self, place: Moving, hand_m: FloatArray) -> Moving:
        """The place, not farther from the hand than its leash; one that waits for the hand is no faster than it."""
        ahead_m = place.value - hand_m
        share = self._config.hand_leash_m / max(float(np.linalg.norm(ahead_m)), 1e-9)
        return place if share >= 1.0 else Moving(hand_m + share * ahead_m, share * place.rate)

    def _be_at(self, pose: FloatArray) -> None:
        self._place = Moving.at_rest(pose[:3, 3])
        self._turn = Turning(pose[:3, :3].copy(), np.zeros(3))

    def _is_at(self, pose: FloatArray) -> bool:
        near = float(np.linalg.norm(self._place.value - pose[:3, 3])) < _HANGS_M
        return near and float(np.linalg.norm(pin.log3(pose[:3, :3] @ self._turn.rotation.T))) < _HANGS_RAD
