"""Laws of the parts of the tracker with learned legs."""

import numpy as np
import pytest

from hlm.control.learned_legs.balance_tilt import BalanceTilt
from hlm.control.learned_legs.blending import blend
from hlm.control.learned_legs.config import CourseConfig, SwitchConfig
from hlm.control.learned_legs.course import Course
from hlm.control.learned_legs.poise import Poise
from hlm.control.learned_legs.policy_command import PolicyCommander
from hlm.control.learned_legs.settling import Settling
from hlm.control.learned_legs.sole_odometry import SoleOdometry
from hlm.control.learned_legs.velocity_policy import (
    NEUTRAL_RAD,
    OBSERVATIONS,
    UpperBody,
    VelocityPolicy,
    commanded,
    observation_of,
)
from hlm.control.tracker.config import TrackerConfig
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import MOTOR_ARMS, MOTOR_LEGS_AND_WAIST
from hlm.core.rotations import quat_from_roll_pitch_yaw
from hlm.core.values import JointCommand, RobotState

NOTHING = UpperBody(np.zeros(2), np.zeros(3), np.zeros(3))
STEADY, SWAYING, TIPPING = Poise(0.0, True), Poise(0.0, False), Poise(0.1, False)


def state_of(joint_position_rad=NEUTRAL_RAD, roll_pitch_yaw=(0.0, 0.0, 0.0), **others):
    return RobotState(0, joint_position_rad, np.zeros(29), quat_from_roll_pitch_yaw(np.array(roll_pitch_yaw)), **others)


def random_state(random):
    angles = random.uniform(-0.5, 0.5, 3)
    gyroscope = random.normal(size=3)
    return RobotState(0, random.normal(size=29), random.normal(size=29), quat_from_roll_pitch_yaw(angles), gyroscope)


def standing_at_zero(**others):
    return state_of(angular_velocity_pelvis_in_pelvis_rad_s=np.zeros(3), **others)


def random_command(random):
    return JointCommand(
        stamp_ns=int(random.integers(100)),
        joint_position_rad=random.normal(size=29),
        joint_velocity_rad_s=random.normal(size=29),
        kp_nm_rad=random.uniform(0, 50, 29) * (random.uniform(size=29) > 0.3),
        kd_nm_s_rad=random.uniform(0, 5, 29),
        torque_nm=random.normal(size=29),
        gripper_opening=np.ones(2),
    )


def torque(command, q, dq):
    feedback = command.kp_nm_rad * (command.joint_position_rad - q)
    return command.torque_nm + feedback + command.kd_nm_s_rad * (command.joint_velocity_rad_s - dq)


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_a_blend_gives_the_mean_of_both_torques_in_every_state(weight):
    random = np.random.default_rng(0)
    before, after = random_command(random), random_command(random)
    mixed = blend(before, after, weight)
    for _ in range(5):
        q, dq = random.normal(size=29), random.normal(size=29)
        wanted = (1 - weight) * torque(before, q, dq) + weight * torque(after, q, dq)
        np.testing.assert_allclose(torque(mixed, q, dq), wanted, atol=1e-9)
    assert mixed.stamp_ns == after.stamp_ns


def test_the_policy_sees_neither_arms_nor_the_bend_of_the_waist():
    random = np.random.default_rng(1)
    state, action, velocity, phase = random_state(random), np.zeros(29), np.array([0.1, 0.2, 0.3]), np.zeros(2)
    seen = observation_of(state, action, velocity, phase, NOTHING)
    assert seen.shape == (OBSERVATIONS,)
    joints = state.joint_position_rad.copy()
    joints[MOTOR_ARMS] += 1.0
    joints[12:15] += [0.1, 0.2, 0.3]
    bent = RobotState(
        0,
        joints,
        state.joint_velocity_rad_s,
        state.quat_world_from_pelvis_wxyz,
        state.angular_velocity_pelvis_in_pelvis_rad_s,
    )
    upper = UpperBody(np.zeros(2), np.array([0.1, 0.2, 0.3]), np.zeros(3))
    np.testing.assert_allclose(observation_of(bent, action, velocity, phase, upper), seen, atol=1e-12)


def test_the_observation_has_the_order_of_training():
    state = RobotState(0, NEUTRAL_RAD + 0.5, np.full(29, 2.0), np.array([1.0, 0, 0, 0]), np.array([4.0, 8.0, 12.0]))
    seen = observation_of(state, np.arange(29.0), np.array([0.1, 0.2, 0.3]), np.array([0.0, np.pi]), NOTHING)
    np.testing.assert_array_equal(seen[:29], np.arange(29))
    np.testing.assert_allclose(seen[29:37], [1.0, 2.0, 3.0, 0.3, 0.1, 0.2, 1.0, -1.0])
    np.testing.assert_allclose(seen[37:66], [0.5] * 15 + [0.0] * 14)
    np.testing.assert_allclose(seen[66:95], [0.1] * 15 + [0.0] * 14)
    np.testing.assert_allclose(seen[95:], [0.0, 0.0, -1.0, 0.0, 0.0], atol=1e-12)


def test_gravity_is_seen_in_the_pelvis_frame_and_tilted_as_told():
    pitched = standing_at_zero(roll_pitch_yaw=(0.0, 0.2, 1.0))
    seen = observation_of(pitched, np.zeros(29), np.zeros(3), np.zeros(2), NOTHING)
    np.testing.assert_allclose(seen[95:98], [np.sin(0.2), 0.0, -np.cos(0.2)], atol=1e-12)
    tilted = observation_of(
        pitched, np.zeros(29), np.zeros(3), np.zeros(2), NOTHING._replace(tilt=np.array([0.1, 0.2]))
    )
    np.testing.assert_allclose(tilted[95:98] - seen[95:98], [0.1, 0.2, 0.0], atol=1e-12)


def test_a_pose_that_the_policy_starts_from_is_what_it_commands_until_it_acts():
    given = []
    policy = VelocityPolicy(lambda seen: given.append(seen) or seen[:29])
    pose = NEUTRAL_RAD + np.linspace(-0.2, 0.2, 29)
    policy.reset(pose)
    np.testing.assert_allclose(policy.step(standing_at_zero(), np.zeros(3), NOTHING), pose)
    bent = NOTHING._replace(waist_rad=np.array([0.3, 0.0, 0.0]))
    np.testing.assert_allclose((policy.step(standing_at_zero(), np.zeros(3), bent) - pose)[12], 0.3)


def test_the_phase_turns_once_a_second_and_rests_when_the_policy_stands():
    given = []
    policy = VelocityPolicy(lambda seen: given.append(seen) or np.zeros(29))
    policy.reset(NEUTRAL_RAD, lifting=1)
    for velocity in [np.zeros(3)] * 51 + [None]:
        policy.step(standing_at_zero(), velocity, NOTHING)
    phase = np.array([np.arctan2(seen[98:], seen[35:37]) for seen in given])
    np.testing.assert_allclose(np.cos(phase[0]), np.cos(phase[50]), atol=1e-9)
    np.testing.assert_allclose(np.cos(phase[:-1, 0] - phase[:-1, 1]), -1.0, atol=1e-9)
    np.testing.assert_allclose(np.cos(phase[-1]), -1.0)
    assert np.cos(phase[0, 1]) < 0.0 < np.cos(phase[0, 0])  # the foot that is about to lift is past its stance


def test_more_is_commanded_than_the_policy_reaches_and_signs_are_kept():
    for wanted in ([0.3, 0.0, 0.0], [-0.2, 0.1, 0.0], [0.0, -0.15, -0.5]):
        command = commanded(np.array(wanted))
        assert (np.sign(command) == np.sign(wanted)).all()
        assert (np.abs(command) >= np.abs(wanted) - 0.01).all()
    np.testing.assert_array_equal(commanded(np.zeros(3)), 0.0)
    assert np.abs(commanded(np.full(3, 9.0))).max() <= 0.8


def test_arms_ahead_feign_a_tilt_ahead(model):
    tilt = BalanceTilt(model)
    np.testing.assert_allclose(tilt.of(NEUTRAL_RAD, np.zeros(3)), 0.0, atol=1e-12)
    arms = NEUTRAL_RAD.copy()
    arms[[15, 22]] = -1.3
    forward, leftward = tilt.of(arms, np.zeros(3))
    assert forward > 0.01
    assert abs(leftward) < 1e-3


def test_soles_that_move_back_move_the_robot_ahead():
    odometry, corners = SoleOdometry(), np.zeros((8, 3))
    corners[:4] = [[0.1, y, -0.7] for y in (0.1, 0.14, 0.1, 0.14)]
    corners[4:] = [[0.1, -y, -0.6] for y in (0.1, 0.14, 0.1, 0.14)]
    odometry.update(corners)
    for _ in range(10):
        corners = corners + np.array([-0.01, 0.002, 0.0])
        corners[4:, 0] += 0.05  # the other foot swings ahead
        odometry.update(corners)
    np.testing.assert_allclose(odometry.position_m, [0.1, -0.02], atol=1e-6)
    odometry.reset()
    np.testing.assert_array_equal(odometry.position_m, 0.0)


def follow(course, *, robot_speed, seconds=3.0):
    """The reference walks along its own x at 0.3 m/s, in a world that is turned by 1 rad against the robot's."""
    for tick in range(round(100 * seconds)):
        t = 0.01 * tick
        anchored = np.array([0.3 * t * np.cos(1.0), 0.3 * t * np.sin(1.0), 1.0])
        course.advance(anchored, 0.0, np.array([2.0 + robot_speed * t, 0.0, 0.0]), 0.01)


def test_a_robot_that_keeps_up_has_no_error_and_the_references_velocity():
    course = Course(CourseConfig())
    follow(course, robot_speed=0.3)
    np.testing.assert_allclose(course.velocity, [0.3, 0.0, 0.0], atol=5e-3)
    np.testing.assert_allclose(course.error, 0.0, atol=5e-3)
    np.testing.assert_allclose(course.wanted_velocity(stopping=False), [0.3, 0.0, 0.0], atol=0.01)
    np.testing.assert_allclose(course.wanted_velocity(stopping=True), 0.0, atol=0.01)


def test_a_robot_that_lags_is_told_to_catch_up_and_far_places_are_given_up():
    course = Course(CourseConfig())
    follow(course, robot_speed=0.2)
    np.testing.assert_allclose(course.error, [0.3, 0.0, 0.0], atol=0.01)
    assert course.wanted_velocity(stopping=False)[0] > 0.5
    course.forget()
    follow(course, robot_speed=-1.0, seconds=5.0)
    assert course.error[0] < CourseConfig().max_distance_m + 0.05
    course.forget()
    follow(course, robot_speed=0.3, seconds=0.02)
    np.testing.assert_allclose(course.error, 0.0, atol=0.01)


def test_a_policy_stops_near_its_place_and_gives_the_legs_back_when_calm():
    config = SwitchConfig()
    settling = Settling(config)
    for _ in range(200):
        settling.stand(0.01, np.array([0.5, 0.0, 0.0]), STEADY)
    assert not settling.stopped
    for _ in range(200):
        settling.stand(0.01, np.zeros(3), SWAYING)
    assert settling.stopped
    assert not settling.done
    for _ in range(round(100 * config.calm_s) + 2):
        settling.stand(0.01, np.array([1.5 * config.near_m, 0.0, 0.0]), STEADY)  # hysteresis: it does not go on
    assert settling.done
    settling.walk(0.01, STEADY)
    assert not settling.stopped
    assert not settling.done


def test_a_place_that_is_never_reached_is_given_up():
    settling = Settling(SwitchConfig())
    for _ in range(2000):
        settling.stand(0.01, np.array([0.5, 0.0, 0.0]), SWAYING)
    assert settling.stopped


def test_a_body_that_was_caught_stands_until_its_capture_point_is_over_its_soles():
    settling = Settling(SwitchConfig())
    settling.restart(stopped=True)
    for _ in range(50):
        settling.walk(0.01, TIPPING)
        assert settling.stopped
    settling.walk(0.01, SWAYING)
    assert not settling.stopped
    settling.walk(0.01, TIPPING)  # a stride takes it beyond the soles again
    assert not settling.stopped


def test_a_body_that_is_caught_walks_at_last_whatever_its_poise():
    config = SwitchConfig()
    settling = Settling(config)
    settling.restart(stopped=True)
    for _ in range(round(100 * config.max_catch_s) + 1):
        settling.walk(0.01, TIPPING)
    assert not settling.stopped


def test_a_body_is_not_caught_before_the_policys_commands_count_alone():
    config = SwitchConfig()
    settling = Settling(config)
    settling.restart(stopped=True)
    for _ in range(round(100 * config.blend_s) - 1):
        settling.walk(0.01, SWAYING)
        assert settling.stopped
    for _ in range(2):
        settling.walk(0.01, SWAYING)
    assert not settling.stopped


def test_a_body_that_walks_when_the_legs_change_is_not_held_up():
    settling = Settling(SwitchConfig())
    settling.restart(stopped=False)
    settling.walk(0.01, TIPPING)
    assert not settling.stopped


def test_a_target_beyond_a_limit_is_torque(sample):
    commander = PolicyCommander(UNITREE_G1, TrackerConfig().command)
    target = NEUTRAL_RAD.copy()
    target[4] = UNITREE_G1.lower_rad[4] - 0.1
    command = commander.command(5, sample, target, np.zeros(14))
    assert (command.joint_position_rad >= UNITREE_G1.lower_rad).all()
    np.testing.assert_allclose(command.torque_nm[4], -0.1 * UNITREE_G1.joints[4].kp_nm_rad)
    np.testing.assert_allclose(command.joint_position_rad[MOTOR_ARMS], sample.joint_position_rad[MOTOR_ARMS])
    others = np.delete(np.arange(15), 4)
    np.testing.assert_allclose(command.joint_position_rad[others], target[MOTOR_LEGS_AND_WAIST][others])


@pytest.fixture
def sample(model):
    from hlm.control.learned_legs.learned_legs_tracker import LearnedLegsTracker

    tracker = LearnedLegsTracker(UNITREE_G1, lambda _: np.zeros(29))
    tracker.reset(standing_at_zero())
    return tracker._model.sample
