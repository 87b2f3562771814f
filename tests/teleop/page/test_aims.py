import numpy as np
import pytest

from hlm.core.rotations import pose_from_planar
from hlm.teleop.page.aims import aims_document
from hlm.teleop.page.page_view import ShownShape
from hlm.teleop.page.part_poses import Part, PartPose

UPRIGHT = np.array([1.0, 0.0, 0.0, 0.0])


def parts(left_m, right_m):
    return {
        Part.LEFT_HAND: PartPose(np.array(left_m), UPRIGHT),
        Part.RIGHT_HAND: PartPose(np.array(right_m), UPRIGHT),
    }


def test_the_way_leads_from_the_hand_to_the_thing():
    """The stance, turned and displaced, and the way from each hand end at the centre of the thing."""
    generator = np.random.default_rng(3)
    for _ in range(50):
        pose = pose_from_planar(generator.uniform(-2.0, 2.0, 3))
        centre_m = generator.uniform(-1.0, 1.0, 3)
        hands_m = {"left_hand": generator.uniform(-1.0, 1.0, 3), "right_hand": generator.uniform(-1.0, 1.0, 3)}
        cup = ShownShape(name="cup", size_m=(0.1, 0.1, 0.1), position_m=tuple(centre_m), movable=True)
        document = aims_document(parts(*hands_m.values()), [cup], pose)
        for hand, hand_m in hands_m.items():
            there_m = pose[:3, :3] @ (hand_m + np.array(document[hand][0]["way_m"])) + pose[:3, 3]
            assert there_m == pytest.approx(centre_m, abs=2e-4)


def test_furniture_is_no_aim():
    shapes = [
        ShownShape(name="table", size_m=(1.0, 1.0, 0.1), position_m=(0.5, 0.0, 0.7)),
        ShownShape(name="cup", size_m=(0.1, 0.1, 0.1), position_m=(0.5, 0.0, 0.8), movable=True),
    ]
    document = aims_document(parts([0.2, 0.2, 0.9], [0.2, -0.2, 0.9]), shapes, np.eye(4))
    assert [one["name"] for one in document["left_hand"]] == ["cup"]
    assert document["right_hand"] == [{"name": "cup", "way_m": [0.3, 0.2, -0.1]}]
