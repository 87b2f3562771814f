import numpy as np
import pytest

from hlm.control.model import BodyModel
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import NAMES as DIMENSIONS
from hlm.sim.motions import KEYS, STANCE, VELOCITIES, Key, Motion, find_motion, stream, through_keys


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return BodyModel(UNITREE_G1)


@pytest.fixture(scope="module")
def squat(model: BodyModel) -> Motion:
    return through_keys(model, (Key(duration_s=1.0, pelvis_height_m=0.6), Key(duration_s=0.5, pelvis_height_m=0.6)))


def soles(model: BodyModel, motion: Motion) -> np.ndarray:
    """[time, foot, 3] sole centres."""
    return np.array(
        [
            [model.pose_world_from(f"{side}_sole", pose)[:3, 3] for side in ("left", "right")]
            for pose in motion.poses[::10]
        ]
    )


def test_a_motion_reaches_its_keys_with_the_feet_where_they_were(model: BodyModel, squat: Motion) -> None:
    assert squat.poses[-1].position_pelvis_in_world_m[2] == pytest.approx(0.6, abs=5e-3)
    expected = np.column_stack([STANCE[:, :2], np.zeros(2)])
    np.testing.assert_allclose(
        soles(model, squat), np.broadcast_to(expected, (len(squat.poses[::10]), 2, 3)), atol=2e-3
    )


def test_every_name_is_there_once() -> None:
    assert not set(KEYS) & set(VELOCITIES)


def test_a_walk_at_a_velocity_takes_the_pelvis_there(model: BodyModel) -> None:
    motion = find_motion(model, "turn_0.4")
    turned = motion.yaw_rate_rad_s.sum() / 30.0
    # Half a step is lost at the start.
    assert turned == pytest.approx(0.4 * (8.0 - 0.5 * 0.75), abs=0.15)
    assert soles(model, motion)[:, :, 2].max() > 0.03


def test_noise_has_the_size_that_is_asked_for_and_spares_grippers_and_heading(squat: Motion) -> None:
    clean = stream(squat, 0.0, np.random.default_rng(0))
    noisy = np.array([stream(squat, 0.02, np.random.default_rng(seed)) for seed in range(40)])
    deviation = (noisy - clean).std(axis=(0, 1))
    for name, value in zip(DIMENSIONS, deviation, strict=True):
        if "gripper" in name or name == "root_yaw_rate":
            assert value == 0.0
        elif name.startswith("root"):
            assert value == pytest.approx(0.01, rel=0.2)
        else:
            assert value == pytest.approx(0.02, rel=0.2)
