"""Laws of the parts of the decoupled interface."""

import numpy as np
import pytest

from hlm.control.learned_legs.command_guide import CommandGuide
from hlm.control.learned_legs.commanded_velocity import CommandedVelocity
from hlm.control.learned_legs.config import CourseConfig
from hlm.control.learned_legs.course import Course
from hlm.control.learned_legs.decoupled_command import FORWARD_M_S, HEIGHT_M, DecoupledCommand
from hlm.control.learned_legs.decoupled_config import DecoupledConfig, PostureConfig, WalkConfig
from hlm.control.learned_legs.standing_pose import (
    ARMS,
    GRIPPERS,
    HEIGHT,
    POSTURE,
    WAIST,
    StandingPose,
    pelvis_height_m,
    posture_of,
    reference_vector,
)
from hlm.control.learned_legs.velocity_policy import commanded
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError, MismatchError
from hlm.core.layout import MOTOR_ARMS, ROOT_YAW_RATE, unpack
from hlm.core.rotations import matrix_from_yaw, quat_from_roll_pitch_yaw
from hlm.core.values import RobotState

NS = 1_000_000_000
ARM_RAD = UNITREE_G1.default_rad[15:]
WALK = WalkConfig()
ACCELERATION = np.array([WALK.max_acceleration_m_s2, WALK.max_acceleration_m_s2, WALK.max_acceleration_rad_s2])


def command_of(**parts):
    return DecoupledCommand(**{"stamp_ns": 0, "arm_rad": ARM_RAD, **parts})


@pytest.mark.parametrize(
    ("parts", "kind", "text"),
    [
        ({"arm_rad": np.zeros(13)}, MismatchError, r"arm_rad must have shape \[14\], got \[13\]"),
        ({"waist_rad": np.zeros(2)}, MismatchError, r"waist_rad must have shape \[3\], got \[2\]"),
        (
            {"velocity_in_heading_m_s": [0.8, 0.0]},
            InputError,
            "forward velocity of 0.8 m/s was asked; -0.35 to 0.5 m/s",
        ),
        (
            {"velocity_in_heading_m_s": [0.0, -0.3]},
            InputError,
            "leftward velocity of -0.3 m/s was asked; -0.25 to 0.25",
        ),
        ({"yaw_rate_rad_s": 1.0}, InputError, "yaw rate of 1 rad/s was asked; -0.7 to 0.7 rad/s exists"),
        ({"pelvis_height_m": 0.3}, InputError, "pelvis height of 0.3 m was asked; 0.5 to 0.76 m exists"),
        ({"gripper_opening": [0.5, 1.2]}, InputError, "right gripper's opening of 1.2 was asked; 0 to 1 exists"),
        ({"arm_rad": [*[0.0] * 10, np.nan, *[0.0] * 3]}, InputError, "at 0 ns is not finite in right_elbow; it was"),
        ({"yaw_rate_rad_s": np.inf}, InputError, "not finite in yaw rate"),
        ({"pelvis_height_m": np.nan}, InputError, "not finite in pelvis height"),
        ({"waist_rad": [0.0, np.inf, 0.0]}, InputError, "not finite in waist_roll"),
        (
            {"pelvis_height_m": 0.6, "velocity_in_heading_m_s": [0.2, 0.0]},
            InputError,
            r"height of 0.6 m was asked of legs that walk \(0.2 and 0 m/s, 0 rad/s\), which know none: ask for None",
        ),
    ],
)
def test_a_command_that_cannot_be_followed_is_refused_in_one_line(parts, kind, text):
    with pytest.raises(kind, match=text) as caught:
        command_of(**parts)
    assert "\n" not in str(caught.value)


def test_a_command_keeps_what_it_was_given():
    arm_rad = np.array(ARM_RAD)
    command = command_of(arm_rad=arm_rad, velocity_in_heading_m_s=[0.1, -0.2], yaw_rate_rad_s=0.3)
    arm_rad[:] = 9.0
    np.testing.assert_array_equal(command.arm_rad, ARM_RAD)
    np.testing.assert_array_equal(command.walk, [0.1, -0.2, 0.3])
    with pytest.raises(ValueError, match="read-only"):
        command.arm_rad[0] = 1.0


@pytest.mark.parametrize("height_m", [None, *HEIGHT_M])
def test_legs_that_stand_have_a_height(height_m):
    assert not command_of(pelvis_height_m=height_m).walks
    assert command_of(yaw_rate_rad_s=0.1).walks


@pytest.mark.parametrize("kind", [WalkConfig, PostureConfig])
def test_speeds_and_times_are_positive(kind):
    for name in kind.__slots__:
        with pytest.raises(InputError, match=f"{name} must be positive, got 0"):
            kind(**{name: 0.0})


def test_the_policy_reaches_every_velocity_that_can_be_asked():
    # A velocity at the end of the policy's table is answered with its largest command.
    assert commanded(np.array([FORWARD_M_S[1], 0.0, 0.0]))[0] < 0.8
    assert commanded(np.array([FORWARD_M_S[0], 0.0, 0.0]))[0] > -0.6


def test_a_velocity_has_no_jumps_and_reaches_what_is_wanted():
    random = np.random.default_rng(0)
    velocity, before = CommandedVelocity(WALK), np.zeros(3)
    for tick in range(2000):
        stamp_ns = tick * NS // 100
        if tick % 7 == 0:
            wanted = random.uniform(-0.5, 0.5, 3) * (random.uniform() > 0.3)
            velocity.push(stamp_ns, wanted)
        velocity.advance(stamp_ns)
        assert (np.abs(velocity.now - before) <= 0.01 * ACCELERATION + 1e-12).all()
        before = velocity.now
    for tick in range(2000, 2200):
        velocity.push(tick * NS // 100, np.array([0.3, -0.2, 0.5]))
        velocity.advance(tick * NS // 100)
    np.testing.assert_array_equal(velocity.now, [0.3, -0.2, 0.5])


def test_without_new_commands_the_velocity_decays_to_none():
    velocity = CommandedVelocity(WALK)
    velocity.reset(0)
    for tick in range(100):
        velocity.push(tick * NS // 100, np.array([0.4, 0.0, 0.0]))
        velocity.advance(tick * NS // 100)
    speeds = []
    for tick in range(100, 200):
        velocity.advance(tick * NS // 100)
        speeds.append(velocity.now[0])
    stale = round(100 * WALK.stale_s)
    assert speeds[stale - 2] == 0.4
    assert (np.diff(speeds[stale + 1 :]) <= 0.0).all()
    assert speeds[stale + round(100 * 0.4 / WALK.max_acceleration_m_s2) + 2] == 0.0
    assert not velocity.walks
    # A stream that comes back walks again.
    velocity.push(2 * NS, np.array([0.4, 0.0, 0.0]))
    velocity.advance(2 * NS)
    assert velocity.walks


def test_a_velocity_counts_from_its_stamp_on_and_while_the_body_may_walk():
    velocity = CommandedVelocity(WALK)
    velocity.push(NS, np.array([0.4, 0.0, 0.0]))
    velocity.push(NS + NS // 10, np.array([0.0, 0.2, 0.0]))
    velocity.advance(NS - 1)
    assert not velocity.walks
    velocity.advance(NS, may_walk=False)
    assert not velocity.walks
    velocity.advance(NS)
    np.testing.assert_array_equal(velocity.wanted, [0.4, 0.0, 0.0])
    velocity.advance(NS + NS // 10)
    np.testing.assert_array_equal(velocity.wanted, [0.0, 0.2, 0.0])


class Walked:
    """A guide and its course, with a robot that moves at a share of the commanded velocity."""

    def __init__(self):
        self.guide, self.course = CommandGuide(WALK), Course(DecoupledConfig().legs.course)
        self.robot, self.stamp_ns = np.array([3.0, -2.0, 2.5]), 0

    def go(self, velocity, share, seconds):
        for _ in range(round(100 * seconds)):
            self.stamp_ns += NS // 100
            self.guide.commanded.push(self.stamp_ns, np.array(velocity))
            self.guide.commanded.advance(self.stamp_ns)
            forward, leftward, turning = 0.01 * share * self.guide.commanded.now
            moved = matrix_from_yaw(self.robot[2])[:2, :2] @ [forward, leftward]
            self.guide.advance(self.course, None, self.robot, 0.01)
            self.robot = self.robot + np.array([*moved, turning])
        return self.guide.velocity(self.course, stopping=False)


@pytest.mark.parametrize("velocity", [(0.3, 0.0, 0.0), (0.0, -0.2, 0.0), (0.2, 0.1, 0.4)])
def test_legs_that_keep_up_are_told_the_commanded_velocity(velocity):
    walked = Walked()
    told = walked.go(velocity, 1.0, 6.0)
    np.testing.assert_allclose(walked.course.error, 0.0, atol=0.01)
    np.testing.assert_allclose(told, velocity, atol=0.02)


@pytest.mark.parametrize("velocity", [(0.3, 0.0, 0.0), (0.0, -0.2, 0.0), (0.0, 0.0, 0.4)])
def test_legs_that_are_held_fast_are_told_a_little_more_but_never_much(velocity):
    walked, config = Walked(), DecoupledConfig().legs.course
    told = walked.go(velocity, 0.0, 20.0)
    more = np.abs(told - velocity)
    assert more.max() > 0.0
    assert more[:2].max() < config.place_gain_per_s * config.max_distance_m + 0.02
    assert more[2] < config.heading_gain_per_s * WALK.max_turn_behind_rad + 0.05
    # What was held back is not made up for after a stop.
    walked.go((0.0, 0.0, 0.0), 1.0, 2.0)
    np.testing.assert_allclose(walked.guide.velocity(walked.course, stopping=True), 0.0, atol=1e-9)


def test_without_a_velocity_the_place_is_where_the_robot_is():
    walked = Walked()
    walked.go((0.0, 0.0, 0.0), 1.0, 1.0)
    walked.robot = walked.robot + np.array([0.5, 0.3, 1.0])  # a push
    told = walked.go((0.0, 0.0, 0.0), 1.0, 0.1)
    np.testing.assert_array_equal(told, 0.0)
    assert not walked.guide.walks_soon(None)


def test_other_courses_make_up_for_more_than_a_commanded_one():
    assert DecoupledConfig().legs.course.max_distance_m < CourseConfig().max_distance_m


def postures():
    """Drawn ones, at the ends of what can be asked and between."""
    random = np.random.default_rng(2)
    for height_m in (*HEIGHT_M, 0.74, 0.6):
        joints_rad = UNITREE_G1.default_rad.copy()
        joints_rad[12:15] = random.uniform(-1.0, 1.0, 3) * [0.5, 0.2, 0.3]
        joints_rad[15:] += random.uniform(-0.6, 0.6, 14)
        yield posture_of(height_m, joints_rad, random.uniform(size=2))


@pytest.mark.parametrize("posture", list(postures()), ids=lambda posture: f"{posture[HEIGHT]:.2f}")
def test_legs_carry_a_posture_on_flat_soles_below_its_centre_of_mass(model, posture):
    pose = StandingPose(model).found(posture)
    for side, y_m in (("left", 0.118), ("right", -0.118)):
        sole = model.pose_world_from(f"{side}_sole", pose)
        np.testing.assert_allclose(sole[:3, 3], [0.0, y_m, 0.0], atol=2e-3)
        np.testing.assert_allclose(sole[:3, :3], np.eye(3), atol=5e-3)
    np.testing.assert_allclose(model.com_position_in_world_m(pose)[:2], 0.0, atol=0.02)
    assert pose.position_pelvis_in_world_m[2] == pytest.approx(posture[HEIGHT], abs=4e-3)
    body = unpack(reference_vector(pose, posture[GRIPPERS]))
    np.testing.assert_array_equal(body.joint_position_rad[12:15], posture[WAIST])
    np.testing.assert_array_equal(body.joint_position_rad[15:], posture[ARMS])
    np.testing.assert_array_equal(body.gripper_opening, posture[GRIPPERS])
    assert reference_vector(pose, posture[GRIPPERS])[ROOT_YAW_RATE] == 0.0


def test_poses_along_a_squat_are_those_that_are_found_anew(model):
    standing, arms_rad = StandingPose(model), UNITREE_G1.default_rad
    pose = standing.found(posture_of(0.74, arms_rad, np.ones(2)))
    for height_m in np.linspace(0.74, 0.6, 30):
        posture = posture_of(height_m, arms_rad, np.ones(2))
        assert posture.shape == (POSTURE,)
        pose = standing.near(posture, pose)
    anew = standing.found(posture)
    np.testing.assert_allclose(pose.joint_position_rad, anew.joint_position_rad, atol=0.03)


def test_legs_balance_the_arms_that_are_told(model):
    standing, arms_rad = StandingPose(model), UNITREE_G1.default_rad.copy()
    pose = standing.found(posture_of(0.7, arms_rad, np.ones(2)))
    arms_rad[MOTOR_ARMS] += np.tile([-0.5, 0.0, 0.0, -0.3, 0.0, 0.0, 0.0], 2)
    pose = standing.near(posture_of(0.7, arms_rad, np.ones(2)), pose)
    np.testing.assert_allclose(model.com_position_in_world_m(pose)[:2], 0.0, atol=2e-3)


def test_the_height_of_a_measured_pelvis_is_that_above_its_lower_sole(model):
    pose = StandingPose(model).found(posture_of(0.6, UNITREE_G1.default_rad, np.ones(2)))
    # The yaw of a measurement has an arbitrary origin.
    quat = quat_from_roll_pitch_yaw(np.array([0.0, 0.0, 2.0]))
    state = RobotState(0, pose.joint_position_rad, np.zeros(29), quat, np.zeros(3))
    assert pelvis_height_m(model, state) == pytest.approx(0.6, abs=5e-3)
