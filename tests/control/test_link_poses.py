"""A body drawn from states stands on the ground, in the pose that the state has."""

import mujoco
import numpy as np
import pytest

from hlm.control.link_poses import heading, link_poses
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import JOINT_INDEX, pack
from hlm.core.rotations import quat_from_roll_pitch_yaw

NAMES = [link.name for link in UNITREE_G1.links]


def states(rows, seed=0):
    """[time, 34] random poses that a person could have commanded, and [time] headings."""
    generator = np.random.default_rng(seed)
    middle, half = (UNITREE_G1.lower_rad + UNITREE_G1.upper_rad) / 2, (UNITREE_G1.upper_rad - UNITREE_G1.lower_rad) / 2
    joints_rad = middle + 0.8 * half * generator.uniform(-1.0, 1.0, (rows, len(middle)))
    root = generator.uniform(-0.4, 0.4, (rows, 3))
    return pack(joints_rad, generator.uniform(0.0, 1.0, (rows, 2)), root), generator.uniform(-3.0, 3.0, rows)


def corners(model, origins_m, rotations):
    """[time, corner, 3] corners of both soles in the world."""
    places = [NAMES.index(link) for link in UNITREE_G1.sole_links]
    local_m = np.array(UNITREE_G1.sole_corners_m)
    return np.concatenate(
        [origins_m[:, None, p] + np.einsum("tij,cj->tci", rotations[:, p], local_m) for p in places], 1
    )


def test_the_lowest_corner_touches_the_ground_and_the_soles_are_over_the_origin(model):
    state, heading_rad = states(20)
    soles_m = corners(model, *link_poses(model, state, heading_rad))
    np.testing.assert_allclose(soles_m[..., 2].min(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose(soles_m[..., :2].mean(axis=1), 0.0, atol=1e-12)


def test_standing_is_standing(model):
    state = pack(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))[None]
    origins_m, rotations = link_poses(model, state, np.zeros(1))
    np.testing.assert_allclose(corners(model, origins_m, rotations)[..., 2], 0.0, atol=2e-3)
    assert origins_m[0, 0, 2] == pytest.approx(UNITREE_G1.standing_height_m, abs=0.01)


def test_poses_are_those_of_the_simulated_body(model, world):
    state, heading_rad = states(5)
    origins_m, rotations = link_poses(model, state, heading_rad)
    data, compiled = world.data, world.model
    for row in range(len(state)):
        base = int(compiled.joint("base").qposadr[0])
        roll_pitch_yaw = np.array([*state[row, 31:33], heading_rad[row]])
        data.qpos[base : base + 3] = origins_m[row, 0]
        data.qpos[base + 3 : base + 7] = quat_from_roll_pitch_yaw(roll_pitch_yaw)
        for joint, angle_rad in zip(UNITREE_G1.joints, state[row, JOINT_INDEX], strict=True):
            data.qpos[int(compiled.joint(joint.name).qposadr[0])] = angle_rad
        mujoco.mj_kinematics(compiled, data)
        for place, name in enumerate(NAMES):
            np.testing.assert_allclose(data.body(name).xpos, origins_m[row, place], atol=1e-9)
            np.testing.assert_allclose(data.body(name).xmat.reshape(3, 3), rotations[row, place], atol=1e-9)


def test_bending_the_knees_lowers_the_pelvis(model):
    bend = np.zeros(len(UNITREE_G1.joints))
    for side in ("left", "right"):
        for joint, angle_rad in (("hip_pitch", -0.4), ("knee", 0.8), ("ankle_pitch", -0.4)):
            bend[[one.name for one in UNITREE_G1.joints].index(f"{side}_{joint}")] = angle_rad
    state = pack(UNITREE_G1.default_rad + np.array([np.zeros(29), bend]), np.ones((2, 2)), np.zeros((2, 3)))
    origins_m, _ = link_poses(model, state, np.zeros(2))
    assert origins_m[1, 0, 2] < origins_m[0, 0, 2] - 0.1


def test_inputs_are_unchanged(model):
    state, heading_rad = states(2)
    copies = state.copy(), heading_rad.copy()
    link_poses(model, state, heading_rad)
    np.testing.assert_array_equal(state, copies[0])
    np.testing.assert_array_equal(heading_rad, copies[1])


def test_heading_sums_up_the_rate():
    stamp_s = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.05, 200))
    found_rad = heading(np.cos(stamp_s), stamp_s)
    np.testing.assert_allclose(found_rad, np.sin(stamp_s) - np.sin(stamp_s[0]), atol=1e-3)
    assert heading(np.zeros(1), np.zeros(1)).tolist() == [0.0]
    assert heading(np.zeros(0), np.zeros(0)).tolist() == []


def test_an_empty_episode_has_no_poses(model):
    origins_m, rotations = link_poses(model, np.zeros((0, 34)), np.zeros(0))
    assert origins_m.shape == (0, len(NAMES), 3)
    assert rotations.shape == (0, len(NAMES), 3, 3)
