"""Where things are as a hand sees them, in numbers: a picture on a flat screen tells no depth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.teleop.page.documents import Document
from hlm.teleop.page.page_view import ShownShape
from hlm.teleop.page.part_poses import Part, PartPose

_DIGITS = 4
_HANDS = (Part.LEFT_HAND, Part.RIGHT_HAND)


def aims_document(
    parts: Mapping[Part, PartPose], shapes: Iterable[ShownShape], pose_world_from_stance: FloatArray
) -> Document:
    """For each hand, the way from its grip to the centre of each thing that can be moved.

    Args:
        parts: of the robot as it is measured, in the stance frame.
        shapes: of the task.
        pose_world_from_stance: [4, 4].

    Returns:
        For each hand a list of names and [3] ways in m: ahead, to the left, up.
    """
    rotation_world_from_stance, stance_m = pose_world_from_stance[:3, :3], pose_world_from_stance[:3, 3]
    centres_m = {
        shape.name: (np.array(shape.position_m) - stance_m) @ rotation_world_from_stance
        for shape in shapes
        if shape.movable
    }
    return {
        hand: [
            {"name": name, "way_m": np.round(centre_m - parts[hand].position_m, _DIGITS).tolist()}
            for name, centre_m in centres_m.items()
        ]
        for hand in _HANDS
    }
