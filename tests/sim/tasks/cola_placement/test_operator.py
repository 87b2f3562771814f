"""The script, mostly without physics: the robot is placed where it is commanded to walk, nothing else moves."""

import numpy as np
import pytest

from hlm.cli.stations import StationConfig, open_station
from hlm.control.walking_pattern import middle
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import MOTOR_ARMS
from hlm.core.task import Progress
from hlm.runtime.station import episode
from hlm.sim.start_pose import START_POSE, stand_on_floor
from hlm.sim.tasks.cola_placement.operator import ColaOperator
from hlm.sim.tasks.cola_placement.stages import make_task
from hlm.sim.tasks.cola_placement.table import CAN_HALF_HEIGHT_M, TABLE_EDGE_M

RATE_HZ = 30.0
START_RAD = UNITREE_G1.pose_rad(START_POSE)
ANKLES_BEHIND_SOLES_M = float(np.mean(UNITREE_G1.sole_corners_m, axis=0)[0])


@pytest.fixture(scope="module")
def cola():
    return make_task(UNITREE_G1)


def soles(pose):
    """[foot, 3] x, y and z of the soles commanded by a pose."""
    return np.array([sole.position_in_world_m for sole in pose.targets.soles])


def yaws(pose):
    quats = np.array([sole.quat_world_from_frame_wxyz for sole in pose.targets.soles])
    return 2.0 * np.arctan2(quats[:, 3], quats[:, 0])


def put(task, place):
    """Put the robot so that the middle of its soles is at this place."""
    x_m, y_m, yaw_rad = place
    ankles = (x_m - ANKLES_BEHIND_SOLES_M * np.cos(yaw_rad), y_m - ANKLES_BEHIND_SOLES_M * np.sin(yaw_rad), yaw_rad)
    stand_on_floor(task.world, task.robot, START_RAD, ankles)
    task.world.forward()


def poses(task, seed=0, variation=1.0, generator_seed=1, error=(0.0, 0.0, 0.0)):
    """The script for a robot that ends its walk with this error: x (m), y (m) and yaw (rad)."""
    task.reset(seed)
    operator = ColaOperator(task, np.random.default_rng(generator_seed), variation)
    operator.reset()
    script = []
    while (pose := operator.pose()) is not None:
        script.append(pose)
        if pose.targets.grips[1] is None:
            commanded = middle(np.column_stack([soles(pose)[:, :2], yaws(pose)]))
            put(task, commanded + error if len(script) > 60 else commanded)
    return script


def walk_of(script):
    return [pose for pose in script if pose.targets.grips[1] is None]


def hands_m(script):
    return np.array([pose.targets.grips[1].position_in_world_m for pose in script if pose.targets.grips[1] is not None])


def openings(script):
    return np.array([pose.gripper_opening[1] for pose in script if pose.targets.grips[1] is not None])


@pytest.fixture(scope="module")
def script(cola):
    return poses(cola)


def test_it_ends_within_the_tasks_time_and_stays_ended(cola, script):
    assert 10.0 < len(script) / RATE_HZ < cola.time_limit_s
    cola.reset(0)
    operator = ColaOperator(cola, np.random.default_rng(1))
    operator.reset()
    while operator.pose() is not None:
        pass
    assert operator.pose() is None


def test_the_same_draws_give_the_same_script_and_others_another(cola, script):
    np.testing.assert_array_equal(hands_m(poses(cola)), hands_m(script))
    other = poses(cola, generator_seed=2)
    assert len(other) != len(script) or np.abs(hands_m(other) - hands_m(script)).max() > 1e-3


def test_without_variation_draws_do_not_matter(cola):
    one, other = poses(cola, variation=0.0), poses(cola, variation=0.0, generator_seed=2)
    np.testing.assert_array_equal(hands_m(one), hands_m(other))


def test_it_walks_with_one_foot_at_a_time_to_the_table_and_then_stands(script):
    walk = walk_of(script)
    heights_m = np.array([soles(pose)[:, 2] for pose in walk])
    assert (heights_m.min(axis=1) == 0.0).all()
    assert heights_m.max() == pytest.approx(0.05, abs=0.005)
    start_m, end_m = soles(walk[0])[:, 0].mean(), soles(walk[-1])[:, 0].mean()
    assert 0.35 < end_m - start_m < 0.85
    assert TABLE_EDGE_M - end_m == pytest.approx(0.26, abs=0.05)
    for pose in script[len(walk) :]:
        np.testing.assert_array_equal(soles(pose), soles(walk[-1]))


def test_arms_keep_their_posture_while_it_walks(script):
    for pose in walk_of(script):
        assert pose.targets.grips == (None, None)
        np.testing.assert_array_equal(pose.targets.joint_position_rad[MOTOR_ARMS], START_RAD[MOTOR_ARMS])
        assert pose.gripper_opening.tolist() == [1.0, 1.0]


def test_the_centre_of_mass_stays_over_the_feet(script):
    for pose in script:
        com_m, feet_m = pose.targets.com_position_in_world_m, soles(pose)[:, :2]
        assert np.linalg.norm(com_m - feet_m.mean(axis=0)) < 0.15
    np.testing.assert_allclose(com_m, feet_m.mean(axis=0), atol=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("error", [(0.0, 0.0, 0.0), (-0.03, 0.02, 0.05)])
def test_it_closes_the_hand_on_the_named_can_and_opens_it_over_the_mat(cola, seed, error):
    script = poses(cola, seed, error=error)
    # The operator's frame is shifted by the error of the walk.
    last = walk_of(script)[-1]
    commanded = middle(np.column_stack([soles(last)[:, :2], yaws(last)]))
    true = commanded + np.array(error)
    offset = hands_m(script)[:, :2] - commanded[:2]
    turn = np.array([[np.cos(error[2]), -np.sin(error[2])], [np.sin(error[2]), np.cos(error[2])]])
    hand_m = np.column_stack([offset @ turn.T + true[:2], hands_m(script)[:, 2]])
    opening = openings(script)
    wanted, other = cola.target, cola.scene.objects[1 - seed]
    closing = int(np.argmax(opening < 1.0))
    # Without physics the hand never moves, so that the closed-loop correction grows to its limit of 3 cm.
    assert np.linalg.norm(hand_m[closing, :2] - wanted.position_m[:2]) < 0.05
    assert np.linalg.norm(hand_m[closing, :2] - other.position_m[:2]) > 0.08
    closed = np.flatnonzero(opening == 0.0)
    assert (np.diff(closed) == 1).all()
    release = closed[-1] + 1
    assert np.linalg.norm(hand_m[release, :2] - cola.scene.mat_position_m[:2]) < 0.06
    assert opening[-1] == 1.0
    # On its way the can passes high enough over the other one.
    near = np.linalg.norm(hand_m[closed, :2] - other.position_m[:2], axis=1) < 0.08
    assert (hand_m[closed, 2][near] > other.position_m[2] + 2 * CAN_HALF_HEIGHT_M).all()


def test_a_walk_that_ends_too_far_away_is_followed_by_another(cola):
    good, bad = (len(walk_of(poses(cola, error=error))) for error in ((0.0, 0.0, 0.0), (-0.08, 0.0, 0.0)))
    assert bad > good + 60


def test_the_hand_moves_smoothly_and_at_human_speed(script):
    hand_m = hands_m(script)
    speed_m_s = np.linalg.norm(np.diff(hand_m, axis=0), axis=1) * RATE_HZ
    assert speed_m_s.max() < 1.5
    assert np.abs(np.diff(hand_m, n=2, axis=0)).max() * RATE_HZ < 0.5


def test_with_physics_it_walks_there_and_puts_the_can_onto_the_mat():
    stages, heights_m = [], []
    with open_station(StationConfig(task="cola_placement", cameras=())) as (station, task):
        for scored in episode(station, task.reset(1), until_success=True):
            stages.append(scored.progress.stage)
            heights_m.append(task.robot.pelvis_height_m())
        assert station.body.status.tracking
        assert station.body._controller._tracker.unsolved_ticks == 0
    assert scored.progress == Progress(stage=5, success=True)
    # Stages are reached one by one, and the walk comes first.
    assert list(dict.fromkeys(stages)) == [0, 1, 2, 3, 4, 5]
    assert 2.0 < stages.index(1) / RATE_HZ < 10.0
    assert min(heights_m) > 0.70
