"""Bad references, measurements and starts on a simulated robot: a named state, and nothing that stood falls by it."""

from dataclasses import replace

import numpy as np
import pytest

from hlm.control.learned_legs.learned_legs_tracker import LearnedLegsTracker
from hlm.control.learned_legs.policy_file import find_policy_file, open_network
from hlm.control.tracker.whole_body_tracker import WholeBodyTracker
from hlm.core.body import BodyState
from hlm.core.clock import NS_PER_S
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import MissingDependencyError
from hlm.core.layout import JOINT_INDEX, NAMES, pack
from hlm.core.rotations import quat_from_roll_pitch_yaw
from hlm.core.values import Reference
from hlm.runtime.bodies.lockstep import LockstepBody
from hlm.sim.robot import SimulatedRobot
from hlm.sim.scene import floor_with_robot
from hlm.sim.start_pose import stand_on_floor
from hlm.sim.world import World

POSE_RAD = UNITREE_G1.pose_rad("manipulation")
STANDING = pack(POSE_RAD, np.ones(2), np.zeros(3))
STEP_NS = NS_PER_S // 50


class NotedRobot(SimulatedRobot):
    """Notes its commands, and measures what the test says."""

    def __init__(self, world):
        super().__init__(world, UNITREE_G1)
        self.commands, self.measured = [], lambda state: state

    def read(self):
        return self.measured(super().read())

    def command(self, command):
        self.commands.append(command)
        super().command(command)

    def brakes(self):
        """Of each command, whether it does nothing else."""
        return [not (command.kp_nm_rad.any() or command.torque_nm.any()) for command in self.commands]


@pytest.fixture(scope="module")
def floor():
    return floor_with_robot(UNITREE_G1).compile()


@pytest.fixture
def robot(floor):
    world = World(floor)
    robot = NotedRobot(world)
    world.reset()
    stand_on_floor(world, robot, POSE_RAD, (0.0, 0.0, 0.0))
    world.forward()
    return robot


def learned_legs():
    try:
        return LearnedLegsTracker(UNITREE_G1, open_network(find_policy_file()))
    except MissingDependencyError as error:
        pytest.skip(str(error))


@pytest.fixture(params=[lambda: WholeBodyTracker(UNITREE_G1), learned_legs], ids=["whole_body", "learned_legs"])
def body(request, robot):
    with LockstepBody(robot, request.param(), robot._world, UNITREE_G1) as body:
        yield body


def advance(robot, body, duration_s, vector=None):
    """Let time pass; references come while there is one. The instant until which it has passed, ns."""
    until_ns = -(-robot._world.now_ns() // STEP_NS) * STEP_NS
    for _ in range(round(duration_s * NS_PER_S / STEP_NS)):
        if vector is not None:
            body.push(Reference(until_ns, vector))
        until_ns += STEP_NS
        body.advance(until_ns)
    return until_ns


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (JOINT_INDEX, 10.0),
        (JOINT_INDEX, -1e300),
        (NAMES.index("left_knee"), 10.0),
        (NAMES.index("root_pitch"), 2.0),
        (NAMES.index("root_roll"), -2.0),
        (NAMES.index("root_yaw_rate"), 100.0),
        (NAMES.index("right_gripper"), -5.0),
        (NAMES.index("waist_yaw"), np.nan),
    ],
)
def test_a_wild_reference_is_named_and_the_robot_stands_on(robot, body, where, value):
    wild = STANDING.copy()
    wild[where] = value
    body.reset()
    advance(robot, body, 0.6, STANDING)
    assert body.status.state is BodyState.RUNNING
    advance(robot, body, 0.5, wild)
    assert body.status.state is BodyState.HOLDING
    assert body.status.fault.startswith("the reference ")
    advance(robot, body, 0.5)
    assert robot.pelvis_uprightness() > 0.99
    assert robot.pelvis_height_m() > 0.7


@pytest.mark.parametrize("ahead_s", [-0.5, 0.0, 2.0, 1e6])
def test_a_reference_of_another_time_is_named_and_the_robot_stands_on(robot, body, ahead_s):
    body.reset()
    last_ns = advance(robot, body, 0.6, STANDING) - STEP_NS
    body.push(Reference(last_ns + round(ahead_s * NS_PER_S), STANDING))
    assert body.status.state is BodyState.HOLDING
    assert body.status.fault.startswith("reference ")
    advance(robot, body, 0.5)
    assert robot.pelvis_uprightness() > 0.99


@pytest.mark.parametrize(
    ("field", "index", "value"),
    [
        ("joint_position_rad", 3, np.nan),
        ("joint_position_rad", 3, 1e6),
        ("joint_velocity_rad_s", 3, 1e6),
        ("angular_velocity_pelvis_in_pelvis_rad_s", 0, 1e6),
        ("quat_world_from_pelvis_wxyz", slice(None), 0.0),
    ],
)
def test_after_an_impossible_measurement_nothing_but_braking_is_sent(robot, body, field, index, value):
    def measured(state):
        values = np.array(getattr(state, field))
        values[index] = value
        return replace(state, **{field: values})

    body.reset()
    advance(robot, body, 0.1, STANDING)
    sent = len(robot.commands)
    robot.measured = measured
    advance(robot, body, 0.1, STANDING)
    assert body.status.state is BodyState.FAULT
    assert body.status.fault.startswith("the measured ")
    assert all(robot.brakes()[sent:])
    assert any(robot.brakes()[sent:])


@pytest.mark.parametrize("ahead_s", [-0.05, 0.0, 0.09])
def test_a_robot_stands_on_through_stamps_that_go_back_repeat_and_jump(robot, body, ahead_s):
    body.reset()
    advance(robot, body, 0.6, STANDING)
    stamp_ns = robot._world.now_ns() + round(ahead_s * NS_PER_S)
    robot.measured = lambda state: replace(state, stamp_ns=stamp_ns)
    advance(robot, body, 0.04, STANDING)
    robot.measured = lambda state: state
    advance(robot, body, 0.5, STANDING)
    assert body.status.state is BodyState.RUNNING
    assert robot.pelvis_uprightness() > 0.99


@pytest.mark.parametrize("roll_pitch_rad", [(0.0, -1.5), (0.0, 1.5), (1.5, 0.0), (3.1, 0.0)])
def test_a_robot_that_lies_gets_nothing_but_braking(robot, body, roll_pitch_rad):
    quat = quat_from_roll_pitch_yaw(np.array([*roll_pitch_rad, 0.0]))
    robot.place(np.array([0.0, 0.0, 0.8]), quat, POSE_RAD)
    robot._world.forward()
    body.reset()
    advance(robot, body, 0.5, STANDING)
    assert body.status.state is BodyState.DAMPING
    assert body.status.fault.startswith("the pelvis is tilted by ")
    assert all(robot.brakes())
