"""Easing: from the measured pose to the reference."""

import numpy as np
import pytest

from hlm.control.model import Configuration
from hlm.control.tracker.body_dynamics import BodyDynamics
from hlm.control.tracker.easing import Easing
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import MOTOR_ARMS
from hlm.core.rotations import quat_from_roll_pitch_yaw
from hlm.core.values import RobotState

DT_S = 0.01


@pytest.fixture
def sample(standing: Configuration):
    tracker = WholeBodyTracker(UNITREE_G1)
    level = np.array([1.0, 0.0, 0.0, 0.0])
    tracker.reset(RobotState(0, standing.joint_position_rad, np.zeros(29), level, np.zeros(3)))
    return tracker.sample


@pytest.fixture
def crouched(model, standing):
    """A body that is bent and leans, and its joints."""
    joints = standing.joint_position_rad.copy()
    joints[[0, 6]] -= 0.4
    joints[[3, 9]] += 0.8
    joints[[4, 10]] -= 0.4
    joints[MOTOR_ARMS] += 0.5
    lean = quat_from_roll_pitch_yaw(np.array([0.02, 0.1, 2.0]))
    pose = Configuration(
        position_pelvis_in_world_m=np.array([1.0, 2.0, 0.7]),
        quat_world_from_pelvis_wxyz=lean,
        joint_position_rad=joints,
    )
    body = BodyDynamics(model)
    body.update(pose.vector, np.zeros(35))
    return body, joints


def height_m(sample):
    return sample.com_position_m[2] - sample.sole_position_m[:, 2].mean()


def test_it_starts_at_the_measured_pose_and_leaves_arms_heading_and_place_alone(sample, crouched):
    body, joints = crouched
    easing = Easing()
    easing.start(sample, body, joints)
    eased = easing.eased(sample, 0.0)
    np.testing.assert_allclose(np.delete(eased.joint_position_rad, np.r_[MOTOR_ARMS]), joints[:15])
    np.testing.assert_array_equal(eased.joint_position_rad[MOTOR_ARMS], sample.joint_position_rad[MOTOR_ARMS])
    np.testing.assert_allclose(eased.pelvis_roll_pitch_yaw_rad[:2], [0.02, 0.1])
    assert eased.pelvis_roll_pitch_yaw_rad[2] == sample.pelvis_roll_pitch_yaw_rad[2]
    assert height_m(eased) == pytest.approx(body.com_position_m[2] - body.sole_position_m[:, 2].mean())
    np.testing.assert_array_equal(eased.com_position_m[:2], sample.com_position_m[:2])


def test_its_velocities_are_those_of_its_positions_and_it_ends_at_the_reference(sample, crouched):
    easing = Easing()
    easing.start(sample, *crouched)
    path = [easing.eased(sample, DT_S) for _ in range(400)]
    joints = np.array([one.joint_position_rad for one in path])
    slopes = np.gradient(joints, DT_S, axis=0)[1:-1]
    given = np.array([one.joint_velocity_rad_s - sample.joint_velocity_rad_s for one in path])[1:-1]
    np.testing.assert_allclose(given, slopes, atol=0.03)
    assert np.abs(given).max() < 1.05
    assert path[-1] is sample


def test_stopped_it_changes_nothing(sample, crouched):
    easing = Easing()
    assert easing.eased(sample, DT_S) is sample
    easing.start(sample, *crouched)
    easing.stop()
    assert easing.eased(sample, DT_S) is sample
