"""Odometry, steering, and the tables of the interfaces."""

import numpy as np
import pytest

from hlm.control.body_command import BodyCommand
from hlm.control.commanded_body.commanded_body import CommandedBody
from hlm.control.inverse_kinematics import WholeBodyIK
from hlm.control.model import BodyModel, Configuration
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.layout import NAMES, UNITS, pack
from hlm.core.rotations import planar_from_pose, pose_from_planar, roll_pitch_yaw_from_quat
from hlm.teleop.interfaces.interfaced_source import INTERFACES
from hlm.teleop.interfaces.odometry import ReferenceOdometry
from hlm.teleop.interfaces.steering import STANDING, SteeringConfig, steered

MODEL = BodyModel(UNITREE_G1)
STANDING_VECTOR = pack(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))
DT_S = 1.0 / 30.0


def walked(velocity_m_s, turn_rate_rad_s, steps):
    """References of a walk, and the stance after each."""
    body, ik = CommandedBody(UNITREE_G1), WholeBodyIK(MODEL)
    configuration = ReferenceOdometry(MODEL).start(STANDING_VECTOR).configuration
    body.reset(configuration)
    walk = BodyCommand(velocity_m_s=np.array(velocity_m_s), turn_rate_rad_s=turn_rate_rad_s)
    vectors, stances = [], []
    for step in range(steps):
        pose = body.pose(walk if step < steps - 60 else BodyCommand(), DT_S)
        configuration = ik.solve(pose.targets, configuration)
        roll, pitch, _ = roll_pitch_yaw_from_quat(configuration.quat_world_from_pelvis_wxyz)
        vectors.append(pack(configuration.joint_position_rad, np.ones(2), np.array([roll, pitch, 0.0])))
        stances.append(planar_from_pose(body.pose_world_from_stance))
    return vectors, stances


def test_odometry_finds_where_a_walk_went():
    vectors, stances = walked((0.2, 0.05), 0.1, 180)
    odometry = ReferenceOdometry(MODEL)
    odometry.start(STANDING_VECTOR)
    found = [odometry.moved(vector).stance for vector in vectors]
    assert stances[-1][0] > 0.5
    np.testing.assert_allclose(found[-1], stances[-1], atol=0.02)


def test_odometry_of_one_who_stands_stays_at_the_origin():
    odometry = ReferenceOdometry(MODEL)
    start = odometry.start(STANDING_VECTOR)
    np.testing.assert_allclose(start.stance, 0.0, atol=1e-12)
    squatting = STANDING_VECTOR.copy()
    squatting[[16, 22]] -= 0.3
    squatting[[19, 25]] += 0.6
    squatting[[20, 26]] -= 0.3
    moved = odometry.moved(squatting)
    np.testing.assert_allclose(moved.stance[1:], 0.0, atol=1e-6)
    lowered_m = start.configuration.position_pelvis_in_world_m - moved.configuration.position_pelvis_in_world_m
    assert 0.02 < lowered_m[2] < 0.2
    np.testing.assert_allclose(MODEL.pose_world_from("left_sole", moved.configuration)[2, 3], 0.0, atol=1e-9)


def test_nobody_steers_who_is_there():
    there = np.array([1.0, 2.0, 0.5])
    assert steered(STANDING, there, there, SteeringConfig()) is STANDING


def test_steering_is_towards_the_place_in_the_heading_of_the_body():
    stance = np.array([1.0, 2.0, 0.5 * np.pi])
    wanted = planar_from_pose(pose_from_planar(stance) @ pose_from_planar(np.array([0.3, -0.1, 0.2])))
    config = SteeringConfig(gain_per_s=2.0)
    np.testing.assert_allclose(steered(STANDING, wanted, stance, config).walk, [0.6, -0.2, 0.4], atol=1e-12)


def test_who_walks_goes_nearer_than_where_one_who_stands_begins():
    config = SteeringConfig(start_m=0.04, stop_m=0.02)
    near, walking = np.array([0.03, 0.0, 0.0]), steered(STANDING, np.array([0.1, 0.0, 0.0]), np.zeros(3), config)
    assert walking.walks
    assert not steered(STANDING, near, np.zeros(3), config).walks
    assert steered(walking, near, np.zeros(3), config).walks
    assert not steered(walking, 0.5 * near, np.zeros(3), config).walks


def test_a_gain_must_be_positive():
    with pytest.raises(InputError, match="gain_per_s"):
        SteeringConfig(gain_per_s=0.0)


@pytest.mark.parametrize(("name", "numbers"), [("joints", 34), ("decoupled", 21 + 2), ("three_point", 24 + 2)])
def test_each_number_has_a_name_and_a_unit(name, numbers):
    table = INTERFACES[name]
    assert len(table.names) == len(set(table.names)) == len(table.units) == numbers
    assert set(table.units) <= {"rad", "rad/s", "m", "m/s", "1"}


def test_the_whole_body_interface_is_the_layout():
    assert INTERFACES["joints"] == (NAMES, UNITS)


def test_standing_configurations_are_left_as_they_are():
    before = Configuration.standing(UNITREE_G1).vector
    ReferenceOdometry(MODEL).start(STANDING_VECTOR)
    np.testing.assert_array_equal(Configuration.standing(UNITREE_G1).vector, before)
