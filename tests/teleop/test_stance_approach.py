"""Steps from one stance into another."""

import numpy as np
import pytest

from hlm.control.inverse_kinematics import BodyTargets, PoseTarget, WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.control.walking_pattern import middle
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.rotations import planar_from_pose, quat_from_yaw, wrap_angle
from hlm.teleop.stance_approach import NEAR_M, StanceApproach, reachable_stance

MODEL = BodyModel(UNITREE_G1)
LEVEL = np.array([1.0, 0.0, 0.0, 0.0])


def standing(width_m=0.236, ahead_m=0.0, out_rad=0.0, at_m=(0.0, 0.0)):
    """A robot whose left foot is this far to the side, ahead and turned out, around a place."""
    soles = [
        PoseTarget(
            position_in_world_m=np.array([at_m[0] + side * ahead_m / 2, at_m[1] + side * width_m / 2, 0.0]),
            quat_world_from_frame_wxyz=quat_from_yaw(side * out_rad),
        )
        for side in (1.0, -1.0)
    ]
    targets = BodyTargets(
        soles=tuple(soles),
        pelvis_height_m=0.72,
        quat_world_from_pelvis_wxyz=LEVEL,
        com_position_in_world_m=np.array(at_m),
    )
    return WholeBodyIK(MODEL).solve(targets, Configuration.standing(UNITREE_G1), 80)


def soles(configuration):
    return np.array(
        [planar_from_pose(MODEL.pose_world_from(f"{side}_sole", configuration)) for side in ("left", "right")]
    )


def targets_at(approach, time_s):
    pose = approach.at(time_s).targets
    return np.array([target.position_in_world_m for target in pose.soles]), pose


@pytest.mark.parametrize(
    "wanted", [{"width_m": 0.3}, {"ahead_m": 0.15}, {"out_rad": 0.5}, {"at_m": (3.0, 1.0), "width_m": 0.3}]
)
def test_it_ends_in_the_wanted_stance_where_the_robot_is(wanted):
    start, goal = standing(), standing(**wanted)
    approach = StanceApproach(MODEL, start, goal)
    assert approach.duration_s > 0.0
    end, _ = targets_at(approach, approach.duration_s)
    around = soles(goal)
    into_start = middle(soles(start)) - middle(around)
    np.testing.assert_allclose(end[:, :2], around[:, :2] + into_start[:2], atol=0.01)
    np.testing.assert_allclose(end[:, 2], 0.0, atol=1e-6)


def test_one_foot_moves_at_a_time_and_the_mass_is_over_the_other():
    approach = StanceApproach(MODEL, standing(), standing(width_m=0.32))
    for time_s in np.arange(0.0, approach.duration_s, 0.05):
        feet, pose = targets_at(approach, time_s)
        lifted = feet[:, 2] > 0.005
        assert lifted.sum() <= 1
        if lifted.any():
            stance = feet[~lifted][0, :2]
            assert np.linalg.norm(pose.com_position_in_world_m - stance) < 0.08


def test_feet_that_are_near_stay():
    approach = StanceApproach(MODEL, standing(), standing(width_m=0.236 + NEAR_M))
    assert approach.duration_s == 0.0


@pytest.mark.parametrize(("wanted", "least", "most"), [(0.02, 0.16, 0.16), (0.9, 0.36, 0.36), (0.25, 0.25, 0.25)])
def test_a_stance_is_as_wide_as_a_robot_may_stand(wanted, least, most):
    stance = reachable_stance(np.array([[0.0, wanted / 2, 0.0], [0.0, -wanted / 2, 0.0]]), np.array([1.0, 2.0, 0.7]))
    width = np.linalg.norm(stance[0, :2] - stance[1, :2])
    assert least - 1e-9 <= width <= most + 1e-9
    center = middle(stance)
    np.testing.assert_allclose(center[:2], [1.0, 2.0], atol=1e-9)
    assert abs(wrap_angle(center[2] - 0.7)) < 1e-9
