"""Where the links and the parts with handles are, in the stance frame, for drawing; not for control."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import numpy as np

from hlm.control.link_poses import link_poses
from hlm.control.model import BodyModel
from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment
from hlm.core.rotations import matrix_from_quat, quat_from_matrix, quat_from_roll_pitch_yaw, wrap_angle
from hlm.teleop.page.page_view import ShownRobot

# From the torso's link up to where people see the middle of its body.
_CHEST_M = np.array([0.0, 0.0, 0.3])


class Part(StrEnum):
    """Parts of the body that have a handle."""

    LEFT_HAND = "left_hand"
    RIGHT_HAND = "right_hand"
    PELVIS = "pelvis"
    TORSO = "torso"
    LEFT_FOOT = "left_foot"
    RIGHT_FOOT = "right_foot"


class PartPose(NamedTuple):
    """Pose of a part or of its handle.

    Attributes:
        position_m: [3] in the stance frame.
        quat_wxyz: [4] from the part to the stance frame.
    """

    position_m: FloatArray
    quat_wxyz: FloatArray


class DrawnRobot(NamedTuple):
    """Where everything of a robot is, in the stance frame.

    Attributes:
        position_m: [link, 3].
        quat_wxyz: [link, 4].
        gripper_opening: [2].
        parts: poses of the parts that have handles.
    """

    position_m: FloatArray
    quat_wxyz: FloatArray
    gripper_opening: FloatArray
    parts: dict[Part, PartPose]


def drawn_robot(model: BodyModel, robot: ShownRobot, pose_world_from_stance: FloatArray) -> DrawnRobot:
    """Where a robot is drawn.

    Args:
        model: of its body.
        robot: what is known of it.
        pose_world_from_stance: [4, 4].
    """
    rotation_stance_from_world = pose_world_from_stance[:3, :3].T
    positions, rotations = link_poses(model, robot.vector[None], np.zeros(1))
    if robot.heading_rad is None:
        turn_rad = -_feet_yaw_rad(model.embodiment, rotations[0])
    else:
        turn_rad = robot.heading_rad - _yaw_rad(pose_world_from_stance)
    turn = matrix_from_quat(quat_from_roll_pitch_yaw(np.array([0.0, 0.0, turn_rad])))
    position_m, rotation = positions[0] @ turn.T, turn @ rotations[0]
    if robot.position_pelvis_in_world_m is not None:
        offset_m = robot.position_pelvis_in_world_m - pose_world_from_stance[:3, 3]
        position_m = position_m + rotation_stance_from_world @ offset_m - position_m[0]
    return DrawnRobot(
        position_m=position_m,
        quat_wxyz=np.array([quat_from_matrix(one) for one in rotation]),
        gripper_opening=robot.vector[[7, 15]],
        parts=_parts(model.embodiment, position_m, rotation),
    )


def _feet_yaw_rad(embodiment: Embodiment, rotation: FloatArray) -> float:
    """Yaw midway between the feet of [link, 3, 3]: by the legs alone, so it is known of any pose."""
    names = [link.name for link in embodiment.links]
    left, right = (_yaw_rad(rotation[names.index(link)]) for link in embodiment.sole_links)
    return float(left + 0.5 * wrap_angle(right - left))


def _yaw_rad(rotation: FloatArray) -> float:
    return float(np.arctan2(rotation[1, 0], rotation[0, 0]))


def _parts(embodiment: Embodiment, position_m: FloatArray, rotation: FloatArray) -> dict[Part, PartPose]:
    index = {link.name: number for number, link in enumerate(embodiment.links)}
    left, right = embodiment.grippers
    sole_m = np.mean(embodiment.sole_corners_m, axis=0)
    left_foot, right_foot = embodiment.sole_links

    def pose(link: str, point_m: FloatArray) -> PartPose:
        number = index[link]
        return PartPose(position_m[number] + rotation[number] @ point_m, quat_from_matrix(rotation[number]))

    return {
        Part.LEFT_HAND: pose(left.link, np.array(left.grip_m)),
        Part.RIGHT_HAND: pose(right.link, np.array(right.grip_m)),
        Part.PELVIS: pose(embodiment.links[0].name, np.zeros(3)),
        Part.TORSO: pose(embodiment.torso_link, _CHEST_M),
        Part.LEFT_FOOT: pose(left_foot, sole_m),
        Part.RIGHT_FOOT: pose(right_foot, sole_m),
    }
