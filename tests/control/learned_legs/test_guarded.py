"""The guarded tracker: it walks by model, and a policy only catches what the model is about to lose."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from hlm.control.learned_legs.config import LearnedLegsConfig, SwitchConfig
from hlm.control.learned_legs.learned_legs_tracker import LearnedLegsTracker, Legs
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.control.walking_pattern import GaitConfig, footsteps_along
from hlm.core.clock import NS_PER_S, STEP_HZ
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.layout import JOINT_INDEX, MOTOR_ARMS, MOTOR_WAIST, pack
from hlm.core.values import Reference, RobotState
from hlm.sim.motions import STANCE, find_motion, stream, walk

TICK_HZ = 100
GUARDED = LearnedLegsConfig(switch=SwitchConfig(model_walks=True))
ARMS_RAD = UNITREE_G1.lower_rad[MOTOR_ARMS], UNITREE_G1.upper_rad[MOTOR_ARMS]
FIELDS = ("joint_position_rad", "joint_velocity_rad_s", "kp_nm_rad", "kd_nm_s_rad", "torque_nm", "gripper_opening")


def never(_):
    """A network that is not asked."""
    raise AssertionError("the policy was asked")


def wants_its_first_pose(observation):
    """A network that wants the pose that its policy starts from."""
    return observation[:29]


@pytest.fixture(scope="module")
def walking(model):
    """A walk of hlm's own, straight ahead and round a bend."""
    gait = GaitConfig()
    return walk(model, footsteps_along(((0.25, 0.0, 0.0, 2.0), (0.2, 0.0, 0.3, 2.0)), STANCE, gait), gait)


def run(robot, world, motion, tracker, seconds, at=lambda _: None, also=None):
    """Plays a motion on a robot; who had the legs at each tick, None for a tracker without a policy.

    Args:
        robot: in the simulator.
        world: the simulator.
        motion: what is asked for, with noise as references have it.
        tracker: commands the robot.
        seconds: how long.
        at: called with the time, before each tick.
        also: called with each measurement and the command that it led to, and with each reference.
    """
    first, vectors = motion.poses[0], stream(motion, 0.01, np.random.default_rng(0))
    robot.place(first.position_pelvis_in_world_m, first.quat_world_from_pelvis_wxyz, first.joint_position_rad)
    world.forward()
    legs, pushed = [], 0
    with robot:
        state = robot.read()
        tracker.reset(state)
        if also is not None:
            also.reset(state)
        for tick in range(round(seconds * TICK_HZ)):
            world.wait_until(tick * NS_PER_S // TICK_HZ)
            while pushed * TICK_HZ <= tick * STEP_HZ:
                reference = Reference(pushed * NS_PER_S // STEP_HZ, vectors[min(pushed, len(vectors) - 1)])
                tracker.push(reference)
                if also is not None:
                    also.push(reference)
                pushed += 1
            at(tick / TICK_HZ)
            state = robot.read()
            command = tracker.step(state)
            if also is not None:
                other = also.step(state)
                for name in FIELDS:
                    np.testing.assert_array_equal(getattr(command, name), getattr(other, name), err_msg=name)
            robot.command(command)
            legs.append(getattr(tracker, "legs", None))
            assert robot.pelvis_uprightness() > 0.8
    return legs


def switches(legs):
    return sum(one is not other for one, other in pairwise(legs))


def pusher(world, begin_s, force_n):
    """Pushes the trunk ahead and to the left for a fifth of a second."""

    def push(time_s):
        pushed = begin_s <= time_s < begin_s + 0.2
        world.data.xfrc_applied[world.model.body("waist_pitch").id, :2] = np.array(force_n) * pushed

    return push


def test_an_undisturbed_walk_is_the_models_bit_for_bit_and_nobody_asks_the_policy(robot, world, walking):
    guarded = LearnedLegsTracker(UNITREE_G1, never, GUARDED)
    legs = run(robot, world, walking, guarded, 7.0, also=WholeBodyTracker(UNITREE_G1))
    assert set(legs) == {Legs.MODEL}
    assert np.hypot(*robot.true_base()[0][:2]) > 0.5


def test_an_undisturbed_squat_is_the_models_too(robot, world, model):
    guarded = LearnedLegsTracker(UNITREE_G1, never, GUARDED)
    legs = run(robot, world, find_motion(model, "squat"), guarded, 4.0, also=WholeBodyTracker(UNITREE_G1))
    assert set(legs) == {Legs.MODEL}


def test_a_walk_that_is_not_guarded_is_the_policys(robot, world, walking):
    tracker = LearnedLegsTracker(UNITREE_G1, never)
    with pytest.raises(AssertionError, match="the policy was asked"):
        run(robot, world, walking, tracker, 7.0)
    assert tracker.legs is Legs.POLICY


@pytest.mark.parametrize(
    ("motion", "begin_s", "seconds"),
    [("stand", 1.0, 8.0), pytest.param("forward_0.2", 4.0, 22.0, marks=pytest.mark.slow)],
)
def test_a_push_does_not_fell_it_and_the_model_has_the_legs_again(
    robot, world, model, known_policy, motion, begin_s, seconds
):
    tracker, asked = LearnedLegsTracker(UNITREE_G1, known_policy, GUARDED), find_motion(model, motion)
    legs = run(robot, world, asked, tracker, seconds, pusher(world, begin_s, (100.0, 0.0)))
    caught_s = legs.index(Legs.POLICY) / TICK_HZ
    assert begin_s < caught_s < begin_s + 0.5
    assert switches(legs) == 2
    assert legs[-1] is Legs.MODEL


class Held:
    """A tracker of a robot that stands still in a pose, whatever it is told."""

    def __init__(self, tracker, pose):
        self.tracker, self.tick = tracker, 0
        self.state = RobotState(
            0, pose.joint_position_rad, np.zeros(29), pose.quat_world_from_pelvis_wxyz, np.zeros(3), np.ones(2)
        )
        tracker.reset(self.state)

    def run(self, seconds, vectors, each=lambda _: None):
        """Play references, the last of which is held."""
        for _ in range(round(seconds * TICK_HZ)):
            stamp_ns = self.tick * NS_PER_S // TICK_HZ
            if self.tick % 3 == 0:
                self.tracker.push(Reference(stamp_ns, vectors[min(self.tick // 3, len(vectors) - 1)]))
            each(self.tracker.step(replace(self.state, stamp_ns=stamp_ns)))
            self.tick += 1
        return self


def test_a_walk_that_the_model_loses_is_handed_over(walking):
    tracker = LearnedLegsTracker(UNITREE_G1, wants_its_first_pose, GUARDED)
    errors_m, legs = [], []

    def note(command):
        assert np.isfinite(command.torque_nm).all()
        errors_m.append(float(np.linalg.norm(tracker._model.dcm_error_m)))
        legs.append(tracker.legs)

    held = Held(tracker, walking.poses[0]).run(4.0, stream(walking, 0.0, np.random.default_rng(0)), note)
    caught = legs.index(Legs.POLICY)
    assert tracker.legs is Legs.POLICY, "the reference walks on"
    assert errors_m[caught] > GUARDED.switch.max_dcm_error_m
    held.run(GUARDED.switch.max_settling_s + 2.0, [pack(held.state.joint_position_rad, np.ones(2), np.zeros(3))])
    assert tracker.legs is Legs.MODEL, "the reference stands"


def test_a_lost_walk_is_not_handed_over_before_its_error_is_reached(walking):
    patient = replace(GUARDED, switch=replace(GUARDED.switch, max_dcm_error_m=9.0))
    tracker = LearnedLegsTracker(UNITREE_G1, never, patient)
    Held(tracker, walking.poses[0]).run(3.0, stream(walking, 0.0, np.random.default_rng(0)))


def test_a_model_without_torques_gives_the_legs_to_the_policy(standing):
    tracker = LearnedLegsTracker(UNITREE_G1, wants_its_first_pose, GUARDED)
    vectors = [pack(standing.joint_position_rad, np.ones(2), np.zeros(3))]
    held = Held(tracker, standing).run(0.5, vectors)
    tracker._model._qp.solve = lambda *_: None
    held.run(0.1, vectors)
    assert tracker.legs is Legs.MODEL
    held.run(0.01, vectors)
    assert tracker.legs is Legs.POLICY


def test_arms_that_are_limited_do_not_jump_when_the_legs_change_hands(standing):
    tracker = LearnedLegsTracker(UNITREE_G1, wants_its_first_pose, GUARDED)
    stands = pack(standing.joint_position_rad, np.ones(2), np.zeros(3))
    far_rad = standing.joint_position_rad.copy()
    far_rad[MOTOR_ARMS] = np.clip(far_rad[MOTOR_ARMS] + 2.0, *ARMS_RAD)
    reaches = pack(far_rad, np.ones(2), np.zeros(3))
    held, arms = Held(tracker, standing).run(0.5, [stands]), []
    for tick in range(60):
        if tick == 24:
            tracker._model._qp.solve = lambda *_: None
            tracker._model._unsolved_in_a_row = 99
        held.run(0.01, [reaches], lambda _: arms.append(tracker._model.sample.joint_position_rad[MOTOR_ARMS]))
    assert tracker.legs is Legs.POLICY
    # At most the fastest arm's way in a tick, and what counts as having come.
    assert 0.04 < np.abs(np.diff(arms, axis=0)).max() < 6.0 / TICK_HZ + 0.01


@pytest.mark.parametrize(
    ("asked_rad", "told_rad"), [((1.2, 0.5, -0.5), (0.6, 0.25, -0.4)), ((-0.5, 0.2, 0.3), (-0.5, 0.2, 0.3))]
)
def test_a_policy_with_the_legs_bends_the_waist_no_farther_than_it_can_bear(walking, asked_rad, told_rad):
    tracker = LearnedLegsTracker(UNITREE_G1, wants_its_first_pose)
    vectors = stream(walking, 0.0, np.random.default_rng(0))
    vectors[:, JOINT_INDEX[MOTOR_WAIST]] = (
        np.interp(np.arange(len(vectors)), [0.0, 30.0], [0.0, 1.0])[:, None] * asked_rad
    )
    Held(tracker, walking.poses[0]).run(4.0, vectors)
    assert tracker.legs is Legs.POLICY
    np.testing.assert_allclose(tracker._model.sample.joint_position_rad[MOTOR_WAIST], asked_rad, atol=1e-6)
    np.testing.assert_allclose(tracker._waist_rad, told_rad, atol=2e-3)


def test_limits_of_the_waist_are_positive():
    with pytest.raises(InputError, match="max_waist_rad must be positive, got"):
        LearnedLegsConfig(max_waist_rad=(0.6, 0.0, 0.4))
