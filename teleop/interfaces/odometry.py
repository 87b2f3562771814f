"""Where a stream of references goes: its pose in a world in which the foot that stands does not move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hlm.control.model import BodyModel, Configuration
from hlm.control.walking_pattern import middle
from hlm.core.arrays import FloatArray
from hlm.core.layout import ROOT_PITCH, ROOT_ROLL, unpack
from hlm.core.rotations import (
    matrix_from_quat,
    planar_from_pose,
    pose_from_planar,
    quat_from_matrix,
    quat_from_roll_pitch_yaw,
)

# A foot takes over when it is lower than the one that stands by this much: soles that both stand differ by less.
_LOWER_M = 0.005
_SIDES = ("left", "right")


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class BodyMotion:
    """What a reference asks of the body, in a world on whose floor (z = 0) the lower foot stands.

    Attributes:
        reference: [34] see `hlm.core.layout`.
        configuration: of the body in that world.
        stance: [3] x (m), y (m) and yaw (rad) midway between the soles; the origin at the start.
    """

    reference: FloatArray
    configuration: Configuration
    stance: FloatArray

    @property
    def pose_world_from_stance(self) -> FloatArray:
        """[4, 4] stance frame: on the floor midway between the soles, x ahead, z up."""
        return pose_from_planar(self.stance)


class ReferenceOdometry:
    """Follows references; the 34 numbers say how the body is bent, and its feet how it goes on.

    Args:
        model: the robot.
    """

    def __init__(self, model: BodyModel) -> None:
        self._model = model
        self._foot = 0
        self._sole: FloatArray = np.zeros(3)

    def start(self, vector: FloatArray) -> BodyMotion:
        """Begin with the stance of a [34] vector at the origin."""
        soles = self._soles(_bent(vector))
        self._foot = int(np.argmin(soles[:, 2, 3]))
        planar = [planar_from_pose(sole) for sole in soles]
        into_stance = np.linalg.inv(pose_from_planar(middle(np.array(planar))))
        self._sole = planar_from_pose(into_stance @ soles[self._foot])
        return self.moved(vector)

    def moved(self, vector: FloatArray) -> BodyMotion:
        """Where the body is with the next [34] vector."""
        bent = _bent(vector)
        soles = self._soles(bent)
        placed = self._placed(soles)
        other = 1 - self._foot
        if soles[other, 2, 3] < soles[self._foot, 2, 3] - _LOWER_M:
            self._foot, self._sole = other, planar_from_pose(placed @ soles[other])
            placed = self._placed(soles)
        stance = middle(np.array([planar_from_pose(placed @ sole) for sole in soles]))
        return BodyMotion(reference=vector, configuration=_in_world(bent, placed), stance=stance)

    def _soles(self, configuration: Configuration) -> FloatArray:
        """[foot, 4, 4] poses of the soles."""
        return np.array([self._model.pose_world_from(f"{side}_sole", configuration) for side in _SIDES])

    def _placed(self, soles: FloatArray) -> FloatArray:
        """[4, 4] what brings the sole of the standing foot to its place on the floor."""
        placed = pose_from_planar(self._sole) @ np.linalg.inv(pose_from_planar(planar_from_pose(soles[self._foot])))
        placed[2, 3] = -soles[self._foot, 2, 3]
        return placed


def _bent(vector: FloatArray) -> Configuration:
    """The body of a [34] vector with its pelvis at the origin, heading along x."""
    return Configuration(
        position_pelvis_in_world_m=np.zeros(3),
        quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(np.array([vector[ROOT_ROLL], vector[ROOT_PITCH], 0.0])),
        joint_position_rad=unpack(vector).joint_position_rad,
    )


def _in_world(bent: Configuration, placed: FloatArray) -> Configuration:
    """The bent body where its feet stand."""
    rotation = matrix_from_quat(bent.quat_world_from_pelvis_wxyz)
    return Configuration(
        position_pelvis_in_world_m=placed[:3, 3],
        quat_world_from_pelvis_wxyz=quat_from_matrix(placed[:3, :3] @ rotation),
        joint_position_rad=bent.joint_position_rad,
    )
