"""Raised feet that are put down, and the way on from there."""

import numpy as np
import pytest

from hlm.control.commanded_body.start import standing_configuration
from hlm.control.inverse_kinematics import BodyTargets, PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.core.clock import due_ns
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import LEFT_ARM, RIGHT_ARM, pack
from hlm.core.rotations import roll_pitch_yaw_from_quat
from hlm.teleop.landing import Landing, landed
from hlm.teleop.way import Way

MODEL = BodyModel(UNITREE_G1)
LEVEL = np.array([1.0, 0.0, 0.0, 0.0])
OPENING = np.array([0.2, 0.7])


def posed(ahead_m=0.0, up_m=0.0, com_m=(0.0, 0.0)):
    """The robot with its left foot this far ahead and up, and its mass there."""
    soles = [
        PoseTarget(position_in_world_m=np.array(at_m), quat_world_from_frame_wxyz=LEVEL)
        for at_m in ((ahead_m, 0.118, up_m), (0.0, -0.118, 0.0))
    ]
    targets = BodyTargets(
        soles=tuple(soles),
        pelvis_height_m=0.72,
        quat_world_from_pelvis_wxyz=LEVEL,
        com_position_in_world_m=np.array(com_m),
    )
    return WholeBodyIK(MODEL).solve(targets, Configuration.standing(UNITREE_G1), 80)


def vector_of(configuration):
    roll, pitch, _ = roll_pitch_yaw_from_quat(configuration.quat_world_from_pelvis_wxyz)
    return pack(configuration.joint_position_rad, OPENING, np.array([roll, pitch, 0.3]))


def soles(vector):
    """[foot, 4, 4] soles in the frame of a pelvis that heads along x."""
    configuration = standing_configuration(MODEL, vector)
    return np.array([MODEL.pose_world_from(f"{side}_sole", configuration) for side in ("left", "right")])


@pytest.mark.parametrize(
    ("ahead_m", "up_m", "com_m"), [(0.11, 0.1, (0.0, -0.118)), (0.3, 0.08, (0.1, -0.05)), (-0.2, 0.15, (0.0, -0.1))]
)
def test_a_raised_foot_is_put_down_below_where_it_was(ahead_m, up_m, com_m):
    held = vector_of(posed(ahead_m, up_m, com_m))
    stands = landed(MODEL, held)
    before, after = soles(held), soles(stands)
    assert after[0, 2, 3] == pytest.approx(after[1, 2, 3], abs=2e-3)
    np.testing.assert_allclose(after[:, 2, 2], 1.0, atol=1e-3, err_msg="soles are flat")
    apart_m = after[0, :2, 3] - after[1, :2, 3]
    np.testing.assert_allclose(apart_m, before[0, :2, 3] - before[1, :2, 3], atol=5e-3)
    for arm in (LEFT_ARM, RIGHT_ARM):
        np.testing.assert_allclose(stands[arm], held[arm], atol=0.1)


def test_feet_that_stand_stay_as_they_are():
    held = vector_of(posed(0.1, 0.0, (0.05, 0.04)))
    np.testing.assert_array_equal(landed(MODEL, held)[:-1], held[:-1])
    assert Landing(MODEL, held, 0).at(10**9)[-1] == 0.0, "nobody turns who stands"


def test_a_foot_too_far_off_lands_as_near_as_a_robot_may_stand():
    apart_m = np.diff(soles(landed(MODEL, vector_of(posed(0.5, 0.05, (0.2, -0.05)))))[:, :2, 3], axis=0)
    assert 0.25 < np.linalg.norm(apart_m) < 0.45


@pytest.mark.parametrize("ahead_m", [0.0, 0.15])
def test_the_way_begins_where_the_body_is_held(ahead_m):
    """With the weight over one foot, and a person whose feet are elsewhere."""
    held = vector_of(posed(ahead_m, 0.0, (0.0, -0.09)))
    goal = posed(-0.12)
    way = Way(MODEL, held, goal, 0)
    vectors = [way.at(due_ns(0, step, 30.0), vector_of(goal)) for step in range(300)]
    np.testing.assert_allclose(vectors[0][:-1], held[:-1], atol=1e-9)
    assert np.abs(np.diff(np.array(vectors)[:, :-1], axis=0)).max() < 0.15
    np.testing.assert_allclose(vectors[-1], vector_of(goal), atol=1e-9)
