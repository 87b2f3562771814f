"""The decoupled interface: with a robot that is held still and a fake network, and with the policy in the simulator."""

from dataclasses import replace

import numpy as np
import pytest

from hlm.control.learned_legs.decoupled_command import DecoupledCommand
from hlm.control.learned_legs.decoupled_config import DecoupledConfig
from hlm.control.learned_legs.decoupled_tracker import DecoupledTracker
from hlm.control.learned_legs.learned_legs_tracker import Legs
from hlm.control.learned_legs.standing_pose import ARMS, StandingPose, posture_of
from hlm.control.learned_legs.velocity_policy import commanded
from hlm.core.clock import NS_PER_S
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError, TrackingError
from hlm.core.layout import MOTOR_ARMS, MOTOR_WAIST
from hlm.core.rotations import quat_from_roll_pitch_yaw
from hlm.core.values import RobotState
from hlm.sim.start_pose import stand_on_floor

TICK_HZ = 100
LEVEL = np.array([1.0, 0.0, 0.0, 0.0])
ARM_RAD = UNITREE_G1.default_rad[MOTOR_ARMS]
AHEAD = np.array([0.3, 0.0])
# Where the observation has what is commanded: forward, leftward, yaw rate.
SEEN_WALK = np.array([33, 34, 32])


class FakeNetwork:
    """Keeps what it sees, and wants the pose that its policy starts from."""

    def __init__(self):
        self.seen = []

    def __call__(self, observation):
        self.seen.append(observation)
        return observation[:29]

    @property
    def walks(self):
        return np.array(self.seen)[:, SEEN_WALK]


def command_of(tick, **parts):
    return DecoupledCommand(**{"stamp_ns": tick * NS_PER_S // TICK_HZ, "arm_rad": ARM_RAD, **parts})


class Held:
    """A tracker of a robot that stands still in a pose, whatever it is told; `commands` has what it was told."""

    def __init__(self, tracker, model, height_m=0.74):
        self.tracker, self.tick, self.commands, self.legs = tracker, 0, [], []
        pose = StandingPose(model).found(posture_of(height_m, UNITREE_G1.default_rad, np.ones(2)))
        quat = pose.quat_world_from_pelvis_wxyz
        self.state = RobotState(0, pose.joint_position_rad, np.zeros(29), quat, np.zeros(3))
        tracker.reset(self.state)

    def run(self, seconds, **asked):
        """Let time pass with a command at each third tick, or none."""
        for _ in range(round(seconds * TICK_HZ)):
            if asked and self.tick % 3 == 0:
                self.tracker.push(command_of(self.tick, **asked))
            stamp_ns = self.tick * NS_PER_S // TICK_HZ
            self.commands.append(self.tracker.step(replace(self.state, stamp_ns=stamp_ns)))
            self.legs.append(self.tracker.legs)
            self.tick += 1
        return self


@pytest.fixture
def network():
    return FakeNetwork()


@pytest.fixture
def held(network, model):
    return Held(DecoupledTracker(UNITREE_G1, network), model)


def test_a_velocity_gives_the_legs_to_the_policy_and_none_gives_them_back(held, network):
    held.run(1.0, velocity_in_heading_m_s=[0.0, 0.0])
    assert network.seen == []
    held.run(2.0, velocity_in_heading_m_s=AHEAD)
    assert held.tracker.legs is Legs.POLICY
    assert network.walks[-1][0] >= commanded(np.array([0.3, 0.0, 0.0]))[0]
    held.run(2.0, velocity_in_heading_m_s=[0.0, 0.0])
    assert held.tracker.legs is Legs.MODEL
    np.testing.assert_array_equal(network.walks[-1], 0.0)


def test_a_stream_that_ends_stops_the_walk_without_a_jump(held, network):
    held.run(3.0, velocity_in_heading_m_s=AHEAD, yaw_rate_rad_s=0.2)
    assert held.tracker.velocity == pytest.approx([0.3, 0.0, 0.2])
    held.run(0.2)
    assert held.tracker.velocity == pytest.approx([0.3, 0.0, 0.2])
    before = held.tracker.velocity
    for _ in range(100):
        held.run(0.01)
        assert (np.abs(held.tracker.velocity - before) < 0.03).all()
        before = held.tracker.velocity
    np.testing.assert_array_equal(held.tracker.velocity, 0.0)
    held.run(1.0)
    assert held.tracker.legs is Legs.MODEL
    np.testing.assert_array_equal(network.walks[-1], 0.0)


def test_legs_that_squat_stand_up_before_they_walk(network, model):
    low = Held(DecoupledTracker(UNITREE_G1, network), model, height_m=0.55)
    low.run(2.0, velocity_in_heading_m_s=AHEAD)
    assert network.seen == []
    np.testing.assert_array_equal(low.tracker.velocity, 0.0)


def test_arms_and_waist_never_move_faster_than_they_may(held):
    far_rad = np.clip(ARM_RAD + 2.0, UNITREE_G1.lower_rad[MOTOR_ARMS], UNITREE_G1.upper_rad[MOTOR_ARMS])
    config, played = DecoupledConfig().posture, []
    for seconds, asked in (
        (1.0, {"arm_rad": far_rad, "waist_rad": [1.0, 0.3, 0.3]}),
        (1.0, {}),
        (1.0, {"arm_rad": ARM_RAD}),
    ):
        for _ in range(round(seconds * TICK_HZ)):
            held.run(0.01, **asked)
            played.append(held.tracker._tracker._model.sample.joint_position_rad)
    speed = np.abs(np.diff(played, axis=0)).max(axis=0) * TICK_HZ
    # What is played is smoothed by cubics and limited in acceleration; both overshoot a little where speeds change.
    assert 0.95 < speed[MOTOR_ARMS].max() / config.max_arm_speed_rad_s < 1.2
    assert 0.95 < speed[MOTOR_WAIST].max() / config.max_waist_speed_rad_s < 1.25


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ({"stamp_ns": 500_000_000}, "is not newer than the last one"),
        ({"stamp_ns": 5_000_000_000}, "ahead of the robot's last state"),
        (
            {"arm_rad": [*ARM_RAD[:3], 2.5, *ARM_RAD[4:]]},
            "left_elbow was asked to be at 2.5 rad; -1.047 to 2.094 rad exists",
        ),
        ({"waist_rad": [0.0, 0.0, -0.8]}, "waist_pitch was asked to be at -0.8 rad; -0.52 to 0.52 rad exists"),
    ],
)
def test_a_command_that_is_refused_changes_nothing(model, parts, text):
    ends = []
    for asks in (False, True):
        held = Held(DecoupledTracker(UNITREE_G1, FakeNetwork()), model)
        held.run(0.99, velocity_in_heading_m_s=AHEAD)
        if asks:
            with pytest.raises(InputError, match=text):
                held.tracker.push(command_of(99, **{"velocity_in_heading_m_s": -AHEAD, **parts}))
        ends.append(held.run(1.0, velocity_in_heading_m_s=AHEAD).commands)
    for one, other in zip(*ends, strict=True):
        np.testing.assert_array_equal(one.torque_nm, other.torque_nm)
        np.testing.assert_array_equal(one.joint_position_rad, other.joint_position_rad)


def test_measured_joints_a_little_beyond_their_limits_are_no_error(held):
    arms_rad = np.array(ARM_RAD)
    arms_rad[3] = UNITREE_G1.upper_rad[MOTOR_ARMS][3] + 0.03
    held.run(2.0, arm_rad=arms_rad)
    assert held.tracker._posture[ARMS][3] == UNITREE_G1.upper_rad[MOTOR_ARMS][3]


def test_a_reset_forgets_everything(model):
    tracker = DecoupledTracker(UNITREE_G1, FakeNetwork())
    first, again = (
        Held(tracker, model).run(1.0, velocity_in_heading_m_s=AHEAD, waist_rad=[0.3, 0.0, 0.0]) for _ in range(2)
    )
    assert first.legs == again.legs
    for one, other in zip(first.commands, again.commands, strict=True):
        np.testing.assert_array_equal(one.torque_nm, other.torque_nm)
        np.testing.assert_array_equal(one.joint_position_rad, other.joint_position_rad)


def test_a_robot_that_lies_is_said_to_have_fallen(held):
    held.run(1.0, velocity_in_heading_m_s=AHEAD)
    held.state = replace(held.state, quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(np.array([0.0, 1.5, 0.0])))
    with pytest.raises(TrackingError, match="the robot has fallen"):
        held.run(0.5, velocity_in_heading_m_s=AHEAD)


class Play:
    """A robot in the simulator that is asked for something while its arms and waist move."""

    def __init__(self, robot, world, network):
        self.robot, self.world, self.tick, self.pushed = robot, world, 0, 0
        self.tracker = DecoupledTracker(UNITREE_G1, network)
        stand_on_floor(world, robot, UNITREE_G1.pose_rad("manipulation"), np.zeros(3))
        world.forward()
        self.tracker.reset(robot.read())

    def run(self, seconds, push_n=0.0, **asked):
        """The pelvis' [time, 3] positions."""
        places, push = [], np.array([0.0, push_n, 0.0])
        with self.robot as robot:
            for _ in range(round(seconds * TICK_HZ)):
                self.world.wait_until(self.tick * NS_PER_S // TICK_HZ)
                if asked and self.tick % 3 == 0:
                    self.tracker.push(command_of(self.tick, **self._upper(), **asked))
                robot.push(push, np.zeros(3))
                robot.command(self.tracker.step(robot.read()))
                places.append(robot.true_base()[0])
                assert robot.pelvis_uprightness() > 0.8
                self.tick += 1
        return np.array(places)

    def _upper(self):
        wave = np.sin(2.0 * np.pi * 0.4 * self.tick / TICK_HZ)
        arm_rad = ARM_RAD + 0.3 * wave * np.tile([-1.0, 0.0, 0.0, -1.0, 0.5, 0.0, 0.0], 2)
        return {"arm_rad": arm_rad, "waist_rad": wave * np.array([0.3, 0.0, 0.1])}


def test_it_squats_by_model_whatever_the_policy_with_its_arms_where_they_are_told(robot, world):
    play = Play(robot, world, lambda _: np.full(29, np.nan))
    heights = play.run(3.0, pelvis_height_m=0.55)[:, 2]
    assert heights[-1] == pytest.approx(0.55, abs=0.02)
    assert play.tracker.legs is Legs.MODEL
    held = play.run(1.0)  # the stream ends: it stays where it was told to be
    assert held[-1, 2] == pytest.approx(0.55, abs=0.02)
    up = play.run(2.5, pelvis_height_m=0.74)[:, 2]
    assert up[-1] == pytest.approx(0.74, abs=0.02)
    off_rad = robot.read().joint_position_rad[MOTOR_ARMS] - play.tracker._posture[ARMS]
    assert np.abs(off_rad).max() < 0.2


def test_it_walks_at_the_velocity_it_is_told_and_stands_when_the_stream_ends(robot, world, known_policy):
    play = Play(robot, world, known_policy)
    play.run(1.0, velocity_in_heading_m_s=[0.0, 0.0])
    walk = play.run(6.0, velocity_in_heading_m_s=AHEAD)
    speed = (walk[-1, 0] - walk[-400, 0]) / 4.0
    assert speed == pytest.approx(0.3, abs=0.05)
    end = play.run(4.0)
    assert play.tracker.legs is Legs.MODEL
    assert np.ptp(end[-100:, :2], axis=0).max() < 0.03
    assert np.hypot(*(end[-1] - end[0])[:2]) < 0.5


def test_it_walks_from_a_squat_and_squats_again(robot, world, known_policy):
    play = Play(robot, world, known_policy)
    play.run(3.0, pelvis_height_m=0.55)
    walk = play.run(5.0, velocity_in_heading_m_s=[0.0, 0.2])
    assert walk[-1, 1] - walk[0, 1] > 0.4
    heights = play.run(5.0, pelvis_height_m=0.55)[:, 2]
    assert heights[-1] == pytest.approx(0.55, abs=0.02)


def test_a_push_moves_it_and_the_model_stands_again(robot, world, known_policy):
    play = Play(robot, world, known_policy)
    play.run(1.0, velocity_in_heading_m_s=[0.0, 0.0])
    play.run(0.2, push_n=100.0, velocity_in_heading_m_s=[0.0, 0.0])
    after = play.run(6.0, velocity_in_heading_m_s=[0.0, 0.0])
    assert play.tracker.legs is Legs.MODEL
    assert np.hypot(*(after[-1] - after[0])[:2]) < 0.8
