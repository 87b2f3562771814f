"""The tracker with learned legs on a robot in the simulator."""

import numpy as np
import pytest

from hlm.control.learned_legs.learned_legs_tracker import LearnedLegsTracker, Legs
from hlm.control.walking_pattern import GaitConfig, footsteps_along
from hlm.core.clock import NS_PER_S, STEP_HZ
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import TrackingError
from hlm.core.rotations import quat_from_roll_pitch_yaw
from hlm.core.values import Reference, RobotState
from hlm.sim.motions import STANCE, find_motion, stream, walk

TICK_HZ = 100


class Play:
    """Plays a stream; `legs` says who had the legs at each tick."""

    def __init__(self, robot, world, tracker, motion, noise_rad=0.0):
        self.robot, self.world, self.tracker, self.motion = robot, world, tracker, motion
        self.vectors = stream(motion, noise_rad, np.random.default_rng(0))
        self.legs, self.heights = [], []

    def run(self, seconds, at=None):
        first = self.motion.poses[0]
        self.robot.place(first.position_pelvis_in_world_m, first.quat_world_from_pelvis_wxyz, first.joint_position_rad)
        self.world.forward()
        with self.robot as robot:
            self.tracker.reset(robot.read())
            pushed = 0
            for tick in range(round(seconds * TICK_HZ)):
                self.world.wait_until(tick * NS_PER_S // TICK_HZ)
                while pushed * TICK_HZ <= tick * STEP_HZ:
                    vector = self.vectors[min(pushed, len(self.vectors) - 1)]
                    self.tracker.push(Reference(round(pushed * NS_PER_S / STEP_HZ), vector))
                    pushed += 1
                if at is not None:
                    at(tick / TICK_HZ)
                robot.command(self.tracker.step(robot.read()))
                self.legs.append(self.tracker.legs)
                self.heights.append(robot.pelvis_height_m())
                assert robot.pelvis_uprightness() > 0.8
        return self

    @property
    def switches(self):
        return sum(one is not other for one, other in zip(self.legs[:-1], self.legs[1:], strict=True))


def test_it_stands_by_model_whatever_the_policy(robot, world, model):
    tracker = LearnedLegsTracker(UNITREE_G1, lambda _: np.full(29, np.nan))
    play = Play(robot, world, tracker, find_motion(model, "squat")).run(3.0)
    assert set(play.legs) == {Legs.MODEL}
    assert min(play.heights) < 0.6


def test_it_walks_by_policy_gets_there_and_stands_by_model_again(robot, world, model, known_policy):
    gait = GaitConfig()
    motion = walk(model, footsteps_along(((0.3, 0.0, 0.0, 3.0),), STANCE, gait), gait)
    tracker = LearnedLegsTracker(UNITREE_G1, known_policy)
    play = Play(robot, world, tracker, motion, noise_rad=0.02).run(14.0)
    assert play.switches == 2
    assert play.legs[-1] is Legs.MODEL
    end_m, _ = robot.true_base()
    assert end_m[:2] == pytest.approx(motion.poses[-1].position_pelvis_in_world_m[:2], abs=0.2)


def test_a_push_goes_to_the_policy_and_back_to_the_model(robot, world, model, known_policy):
    def push(time_s):
        world.data.xfrc_applied[world.model.body("waist_pitch").id, 0] = 100.0 if 1.0 <= time_s < 1.2 else 0.0

    tracker = LearnedLegsTracker(UNITREE_G1, known_policy)
    play = Play(robot, world, tracker, find_motion(model, "stand")).run(12.0, push)
    assert play.switches == 2
    assert play.legs[-1] is Legs.MODEL
    end_m, _ = robot.true_base()
    assert np.hypot(*end_m[:2]) < 0.2


def test_a_robot_that_lies_is_said_to_have_fallen(robot, world, model):
    tracker = LearnedLegsTracker(UNITREE_G1, lambda _: np.zeros(29))
    lying = RobotState(
        10_000_000,
        UNITREE_G1.default_rad,
        np.zeros(29),
        quat_from_roll_pitch_yaw(np.array([0.0, 1.5, 0.0])),
        np.zeros(3),
    )
    tracker.reset(lying)
    tracker._legs = Legs.POLICY
    with pytest.raises(TrackingError, match="the robot has fallen"):
        tracker.step(lying)
