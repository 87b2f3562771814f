"""Random and adversarial references, pushed past the loop's limits: nothing that leaves a body violates a limit."""

import numpy as np
import pytest
from command_laws import TICK_S, mutated, violations
from fakes import LEVEL, SteppedClock
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hlm.control.model import BodyModel
from hlm.control.self_distance import SelfDistance
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.clock import NS_PER_S
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.layout import pack, unpack
from hlm.core.values import JointCommand, Reference, RobotState
from hlm.runtime.body_controller import BodyController
from hlm.runtime.safety.command_limits import CommandLimitConfig
from hlm.sim.motions import find_motion, stream
from hlm.sim.robot import SimulatedRobot
from hlm.sim.start_pose import stand_on_floor
from hlm.sim.world import World

STANDING = pack(UNITREE_G1.default_rad, np.ones(2), np.zeros(3))
TICK_NS = round(TICK_S * NS_PER_S)


class Follower:
    """A tracker that commands whatever it is told, with torques to match, and any torque on top."""

    def __init__(self, random):
        self.random = random

    def reset(self, state):
        self.joints, self.opening, self.newest_ns = state.joint_position_rad, state.gripper_opening, None

    def push(self, reference):
        if self.newest_ns is not None and reference.stamp_ns <= self.newest_ns:
            raise InputError("references must come in order.")
        self.newest_ns = reference.stamp_ns
        self.joints, self.opening, _ = unpack(reference.vector)

    def step(self, state):
        torque, velocity = self.random.normal(size=(2, 29)) * 10.0 ** self.random.uniform(-1, 4, size=(2, 1))
        return JointCommand(
            state.stamp_ns, self.joints, velocity, np.full(29, 40.0), np.full(29, 1.5), torque, self.opening
        )


class Limp:
    """A robot that goes a share of the way to what it is commanded, at a bounded speed."""

    def __init__(self, clock):
        self.clock, self.joints, self.speed = clock, np.array(UNITREE_G1.default_rad), np.zeros(29)
        self.opening = np.ones(2)

    def read(self):
        return RobotState(self.clock.now_ns(), self.joints, self.speed, LEVEL, np.zeros(3), self.opening)

    def command(self, command):
        moved = 0.3 * (command.joint_position_rad - self.joints) * (command.kp_nm_rad > 0.0)
        reach = 0.3 * UNITREE_G1.velocity_rad_s * TICK_S
        before, self.joints = self.joints, self.joints + np.clip(moved, -reach, reach)
        self.speed = (self.joints - before) / TICK_S
        self.opening = command.gripper_opening


class Ordeal:
    """Plays references on a controller and collects the laws that its commands break.

    Attributes:
        pushed: references that were pushed.
        broken: names of the laws that were broken.
        rearmed: how often it had stopped following, and was armed again.
        collisions: ticks at which targets stopped for a self-collision.
    """

    def __init__(self, tracker, robot, clock):
        self.controller = BodyController(tracker, UNITREE_G1)
        self.robot, self.clock = robot, clock
        self.pushed, self.broken, self.rearmed, self.collisions = 0, set(), 0, 0
        self._clear()

    def play(self, vectors, stamps_s, ticks=1):
        """Each reference, followed by some ticks; from the standing pose where the robot can be put there."""
        if isinstance(self.robot, Limp):
            self.robot.joints = np.array(UNITREE_G1.default_rad)
        self.controller.reset(self.robot.read, self.clock.now_ns())
        start_ns = self.clock.now_ns()
        for vector, stamp_s in zip(vectors, stamps_s, strict=True):
            # A stamp is when a reference is for: those of a session that ticks slower are closer together.
            stamp_ns = start_ns + round(min(max(stamp_s * 30.0 * ticks * TICK_S, -1e9), 1e9) * NS_PER_S)
            self.controller.push(Reference(stamp_ns, vector))
            self.pushed += 1
            for _ in range(ticks):
                self._step()
        self._judge()

    def _step(self):
        self.clock.wait_until(self.clock.now_ns() + TICK_NS)
        if self.controller.status.braking:
            self._judge()
            self.rearmed += 1
            self.controller.reset(self.robot.read, self.clock.now_ns())
            self.clock.wait_until(self.clock.now_ns() + TICK_NS)
        before = self.controller.limited.get("self-collision", 0)
        command = self.controller.step(self.robot.read, self.clock.now_ns())
        self.robot.command(command)
        if self.controller.status.braking:
            if command.kp_nm_rad.any() or command.torque_nm.any() or command.joint_velocity_rad_s.any():
                self.broken.add("braking")
            return
        self._commands.append(command)
        self._states.append(self.controller.state)
        self._exempt.append(self.controller.limited.get("self-collision", 0) > before)

    def _judge(self):
        if len(self._commands) > 2:
            self.broken |= set(violations(self._commands, self._states, self._exempt))
            self.collisions += sum(self._exempt)
            self.broken |= {"self-collision" for command in self._commands[::40] if self._overlaps(command)}
        self._clear()

    def _overlaps(self, command):
        return DISTANCE.smallest_m(command.joint_position_rad) < -CommandLimitConfig().overlap_m - 1e-6

    def _clear(self):
        self._commands, self._states, self._exempt = [], [], []


MODEL = BodyModel(UNITREE_G1)
DISTANCE = SelfDistance(MODEL)


@pytest.fixture(scope="module")
def episodes():
    """References of scripted motions, with noise."""
    random = np.random.default_rng(5)
    return [stream(find_motion(MODEL, name), 0.01, random) for name in ("arms", "lean")]


def endure(ordeal, episodes, count, random, ticks=1):
    """Mutations of episodes until `count` references were pushed."""
    while ordeal.pushed < count:
        episode = episodes[random.integers(len(episodes))]
        start = random.integers(max(1, len(episode) - 60))
        ordeal.play(*mutated(episode[start : start + 60], random), ticks=ticks)


def ordeal_of_fakes(seed):
    clock = SteppedClock(NS_PER_S)
    return Ordeal(Follower(np.random.default_rng(seed)), Limp(clock), clock)


def test_nothing_that_leaves_violates_a_limit(episodes):
    ordeal = ordeal_of_fakes(1)
    endure(ordeal, episodes, 1000, np.random.default_rng(1))
    assert ordeal.broken == set()
    assert ordeal.collisions > 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_nothing_of_many_that_leaves_violates_a_limit(episodes, seed):
    ordeal = ordeal_of_fakes(seed)
    endure(ordeal, episodes, 30_000, np.random.default_rng(seed))
    assert ordeal.broken == set()


def ordeal_of_the_tracker(model):
    world = World(model)
    robot = SimulatedRobot(world, UNITREE_G1)
    world.reset()
    stand_on_floor(world, robot, UNITREE_G1.pose_rad("manipulation"), (0.0, 0.0, 0.0))
    world.forward()
    return Ordeal(WholeBodyTracker(UNITREE_G1), robot, world)


@pytest.fixture(scope="module")
def floor():
    from hlm.sim.scene import floor_with_robot

    return floor_with_robot(UNITREE_G1).compile()


def endure_with_the_tracker(floor, episodes, count, random):
    pushed = 0
    while pushed < count:
        ordeal = ordeal_of_the_tracker(floor)
        with ordeal.robot:
            endure(ordeal, episodes, 60, random, ticks=3)
        pushed += ordeal.pushed
        assert ordeal.broken == set()


def test_nothing_that_leaves_with_the_real_tracker_violates_a_limit(floor, episodes):
    endure_with_the_tracker(floor, episodes, 120, np.random.default_rng(3))


@pytest.mark.slow
def test_nothing_of_many_that_leaves_with_the_real_tracker_violates_a_limit(floor, episodes):
    endure_with_the_tracker(floor, episodes, 4000, np.random.default_rng(4))


wild = st.one_of(st.floats(-4.0, 4.0), st.floats(allow_nan=True, allow_infinity=True))


@settings(max_examples=30)
@given(st.lists(arrays(np.float64, (34,), elements=wild), min_size=3, max_size=12), st.integers(0, 9))
def test_whatever_is_pushed_nothing_that_leaves_violates_a_limit(vectors, seed):
    ordeal = ordeal_of_fakes(seed)
    ordeal.play(np.array([STANDING, *vectors]), np.arange(len(vectors) + 1) / 30.0, ticks=2)
    assert ordeal.broken == set()
