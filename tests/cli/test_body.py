"""The body that is drawn has every shape of the robot, and grippers that open."""

import numpy as np
import pytest

from hlm.cli.body import body_parts
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import LEFT_GRIPPER, RIGHT_GRIPPER, pack
from hlm.datasets.reader import open_dataset
from hlm.datasets.schema import DatasetSpec, EpisodeInfo, Step
from hlm.datasets.view import Boxes, Capsules
from hlm.datasets.writer import DatasetWriter

STEPS = 5


@pytest.fixture
def episode(tmp_path):
    """Standing, while the left gripper opens and the right one closes."""
    spec = DatasetSpec(embodiment="unitree_g1", rate_hz=30.0, cameras={})
    info = EpisodeInfo(instruction="x", source="scripted")
    with DatasetWriter.open(tmp_path / "x.zarr", spec) as writer, writer.episode(info) as one:
        for step in range(STEPS):
            share = step / (STEPS - 1)
            vector = pack(UNITREE_G1.default_rad, np.array([share, 1.0 - share]), np.zeros(3))
            one.append(Step(step * 33_333_333, vector, vector, {}, {"state": 0.0}))
        one.commit()
    return open_dataset(tmp_path / "x.zarr").episodes[0]


def test_every_shape_is_drawn_once(episode):
    parts = {part.name: part for part in body_parts(UNITREE_G1, episode)}
    shapes = [shape for part in parts.values() for shape in part.shapes]
    assert sum(len(shape.radius_m) for shape in shapes if isinstance(shape, Capsules)) == len(UNITREE_G1.capsules)
    # Two soles, two palms, four fingers.
    assert sum(len(shape.center_m) for shape in shapes if isinstance(shape, Boxes)) == 8
    assert all(part.position_m.shape == (STEPS, 3) and part.rotation.shape == (STEPS, 3, 3) for part in parts.values())


@pytest.mark.parametrize(("side", "column", "gripper"), [("left", LEFT_GRIPPER, 0), ("right", RIGHT_GRIPPER, 1)])
def test_fingers_are_as_far_apart_as_the_state_says(episode, side, column, gripper):
    parts = {part.name: part for part in body_parts(UNITREE_G1, episode)}
    fingers = [parts[f"{side}_finger_{name}"].position_m for name in ("left", "right")]
    figures = UNITREE_G1.grippers[gripper]
    gap_m = np.linalg.norm(fingers[0] - fingers[1], axis=1) - 2.0 * figures.finger_half_size_m[1]
    np.testing.assert_allclose(gap_m, 2.0 * figures.finger_stroke_m * episode.state[:, column], atol=1e-6)


def test_the_body_stands_on_its_soles(episode):
    parts = {part.name: part for part in body_parts(UNITREE_G1, episode)}
    for link in UNITREE_G1.sole_links:
        [sole] = [shape for shape in parts[link].shapes if isinstance(shape, Boxes)]
        height_m = parts[link].position_m[:, 2] + sole.center_m[0, 2] - sole.half_size_m[0, 2]
        np.testing.assert_allclose(height_m, 0.0, atol=2e-3)
