"""The robot's body for the viewer: parts with a pose at each step of an episode."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hlm.control.link_poses import heading, link_poses
from hlm.control.model import BodyModel
from hlm.core.arrays import FloatArray
from hlm.core.embodiment import Embodiment, Gripper
from hlm.core.layout import ROOT_YAW_RATE, unpack
from hlm.datasets.reader import Episode
from hlm.datasets.view import Boxes, Capsules, Part

SOLE_THICKNESS_M = 0.036


def body_parts(embodiment: Embodiment, episode: Episode) -> list[Part]:
    """Links, soles and gripper fingers, posed by the measured state; see `hlm.control.link_poses.link_poses`.

    Args:
        embodiment: the robot.
        episode: an episode of that robot.

    Returns:
        Parts with [time] poses in a world frame that the root starts in.
    """
    stamp_s = (episode.stamp_ns - episode.stamp_ns[0]) * 1e-9
    heading_rad = heading(episode.state[:, ROOT_YAW_RATE], stamp_s)
    positions_m, rotations = link_poses(BodyModel(embodiment), episode.state, heading_rad)
    places = {link.name: place for place, link in enumerate(embodiment.links)}
    parts = []
    for name, place in places.items():
        if shapes := tuple(_shapes(embodiment, name)):
            parts.append(Part(name=name, position_m=positions_m[:, place], rotation=rotations[:, place], shapes=shapes))
    openings = unpack(episode.state).gripper_opening
    for column, gripper in enumerate(embodiment.grippers):
        place = places[gripper.link]
        parts += _fingers(gripper, positions_m[:, place], rotations[:, place], openings[:, column])
    return parts


def _shapes(embodiment: Embodiment, link: str) -> Iterator[Capsules | Boxes]:
    capsules = [capsule for capsule in embodiment.capsules if capsule.link == link]
    if capsules:
        yield Capsules(
            start_m=np.array([capsule.start_m for capsule in capsules]),
            end_m=np.array([capsule.end_m for capsule in capsules]),
            radius_m=np.array([capsule.radius_m for capsule in capsules]),
            rgba=tuple(capsule.rgba for capsule in capsules),
        )
    if link in embodiment.sole_links:
        corners_m = np.array(embodiment.sole_corners_m)
        low_m, high_m = corners_m.min(axis=0), corners_m.max(axis=0)
        high_m[2] = low_m[2] + SOLE_THICKNESS_M
        yield Boxes(
            center_m=(low_m + high_m)[None] / 2, half_size_m=(high_m - low_m)[None] / 2, rgba=(embodiment.sole_rgba,)
        )
    for gripper in embodiment.grippers:
        if gripper.link == link:
            center_m, half_size_m = np.array([gripper.palm_center_m]), np.array([gripper.palm_half_size_m])
            yield Boxes(center_m=center_m, half_size_m=half_size_m, rgba=(gripper.palm_rgba,))


def _fingers(gripper: Gripper, position_m: FloatArray, rotation: FloatArray, opening: FloatArray) -> Iterator[Part]:
    half_size_m = np.array([gripper.finger_half_size_m])
    for name, sign in (("left", 1.0), ("right", -1.0)):
        center_m = np.tile(gripper.finger_center_m, (len(opening), 1))
        center_m[:, 1] += sign * (half_size_m[0, 1] + gripper.finger_stroke_m * opening)
        yield Part(
            name=f"{gripper.side}_finger_{name}",
            position_m=position_m + np.einsum("tij,tj->ti", rotation, center_m),
            rotation=rotation,
            shapes=(Boxes(center_m=np.zeros((1, 3)), half_size_m=half_size_m, rgba=(gripper.finger_rgba,)),),
        )
