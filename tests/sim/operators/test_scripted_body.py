"""The commanded body of a script, without physics: the robot is placed where its walk ended, or a bit beside."""

from itertools import islice, pairwise

import numpy as np
import pytest

from hlm.control.body_command import BodyCommand
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.rotations import pose_from_planar
from hlm.sim.operators.scripted_body import ScriptedBody
from hlm.sim.start_pose import START_POSE, stand_on_floor

START = np.array([-0.5, 0.1, 0.05])
SOLES_AHEAD_M = float(np.mean(UNITREE_G1.sole_corners_m, axis=0)[0])


def put(task, place):
    """Put the robot so that the middle of its soles is at [3] x, y and yaw."""
    back_m = SOLES_AHEAD_M * np.array([np.cos(place[2]), np.sin(place[2])])
    stand_on_floor(task.world, task.robot, UNITREE_G1.pose_rad(START_POSE), (*(place[:2] - back_m), place[2]))
    task.world.forward()


@pytest.fixture
def body(task):
    put(task, START)
    body = ScriptedBody(task.robot)
    body.reset()
    return body


def walked(task, body, goal, ends):
    """The poses of a walk to a goal that truly ends elsewhere."""
    poses = []
    for command in body.walk_to(goal):
        poses.append(body.pose(command))
        put(task, ends)
    return poses


def middle_m(pose):
    return np.mean([sole.position_in_world_m[:2] for sole in pose.targets.soles], axis=0)


def test_points_of_the_world_are_seen_from_the_feet(body):
    ahead = pose_from_planar(START) @ [0.3, -0.1, 0.8, 1.0]
    np.testing.assert_allclose(body.in_stance_m(ahead[:3]), [0.3, -0.1, 0.8], atol=2e-3)


def test_the_way_to_a_goal_is_seen_from_the_feet(body):
    distance_m, turn_rad = body.distance_to(START + np.array([0.3, 0.4, -0.2]))
    assert (distance_m, turn_rad) == pytest.approx((0.5, 0.2), abs=2e-3)


@pytest.mark.parametrize("offset", [(0.5, 0.0, 0.0), (0.2, 0.2, 0.3), (-0.2, -0.1, -0.2)])
def test_a_walk_ends_near_its_goal_and_at_rest(task, body, offset):
    goal = START + np.array(offset)
    poses = walked(task, body, goal, goal)
    assert np.linalg.norm(middle_m(poses[-1]) - goal[:2]) < 0.05
    np.testing.assert_array_equal(middle_m(poses[-1]), middle_m(poses[-10]))
    assert max(np.linalg.norm(middle_m(b) - middle_m(a)) for a, b in pairwise(poses)) < 0.03


def test_after_a_walk_the_world_is_seen_from_where_it_truly_ended(task, body):
    ends = START + np.array([0.4, 0.05, 0.1])
    walked(task, body, START + np.array([0.5, 0.0, 0.0]), ends)
    assert body.distance_to(ends) == pytest.approx((0.0, 0.0), abs=2e-3)


def test_the_next_walk_makes_up_for_the_error_of_the_one_before(task, body):
    goal = START + np.array([0.5, 0.0, 0.0])
    walked(task, body, goal, goal + np.array([-0.2, 0.0, 0.0]))
    poses = walked(task, body, goal, goal)
    assert 0.15 < np.linalg.norm(middle_m(poses[-1]) - middle_m(poses[0])) < 0.25


def test_nobody_walks_to_where_they_are(body):
    commands = list(islice(body.walk_to(START), 100))
    assert len(commands) < 100
    assert not any(command.velocity_m_s.any() or command.turn_rate_rad_s for command in commands)


def test_it_starts_from_the_robots_true_configuration(task, body):
    start, pose = body.reset(), body.pose(BodyCommand())
    np.testing.assert_allclose(start.position_pelvis_in_world_m, task.robot.true_base()[0])
    moved_rad = pose.configuration.joint_position_rad - start.joint_position_rad
    assert np.abs(moved_rad).max() < 0.1
