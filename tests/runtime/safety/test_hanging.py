"""A robot that hangs: its way to a standing pose, the weight of its limbs, and when its feet carry it."""

from dataclasses import replace

import mujoco
import numpy as np
import pytest

from hlm.control.model import BodyModel
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import MOTOR_ORDER
from hlm.core.rotations import quat_from_roll_pitch_yaw
from hlm.core.values import RobotState
from hlm.runtime.safety.hanging import Hanging
from hlm.sim.robot import SimulatedRobot
from hlm.sim.scene import floor_with_robot
from hlm.sim.world import World

MODEL = BodyModel(UNITREE_G1)
STEP_NS = 10_000_000
KNEES = [MOTOR_ORDER.index("left_knee"), MOTOR_ORDER.index("right_knee")]
HIPS_PITCH = [MOTOR_ORDER.index("left_hip_pitch"), MOTOR_ORDER.index("right_hip_pitch")]
STANDING = UNITREE_G1.default_rad
LIMP = np.zeros(29)


def state(step=0, joints=STANDING, tilt_rad=(0.0, 0.0)):
    quat = quat_from_roll_pitch_yaw(np.array([*tilt_rad, 0.3]))
    return RobotState(step * STEP_NS, joints, np.zeros(29), quat, np.zeros(3), np.array([0.5, 1.0]))


def sagged(by_rad):
    joints = STANDING.copy()
    joints[KNEES] += by_rad
    return joints


@pytest.fixture
def hanging():
    made = Hanging(MODEL, 0.06, 0.3)
    made.reset(state(joints=LIMP))
    return made


def test_it_moves_from_where_it_was_to_a_standing_pose_and_stays(hanging):
    way = np.array([hanging.command(state(step), step * STEP_NS).joint_position_rad for step in range(600)])
    np.testing.assert_array_equal(way[0], LIMP)
    np.testing.assert_allclose(way[-1], STANDING, atol=1e-12)
    # The fastest instant of the longest way.
    assert np.abs(np.diff(way, axis=0)).max() < 0.6 * STEP_NS * 1e-9
    command = hanging.command(state(), 0)
    np.testing.assert_array_equal(command.gripper_opening, (0.5, 1.0))
    np.testing.assert_allclose(command.kp_nm_rad, [joint.kp_nm_rad for joint in UNITREE_G1.joints])


def test_motors_hold_the_weight_of_limbs_on_a_torso_that_is_held(hanging):
    # MuJoCo says what holds still a robot without any contact: with the torques, and a wrench on the torso alone.
    world = World(floor_with_robot(UNITREE_G1).compile())
    robot = SimulatedRobot(world, UNITREE_G1)
    world.reset()
    tilted = state(joints=STANDING + 0.1 * np.sin(np.arange(29.0)), tilt_rad=(0.1, -0.2))
    robot.place(np.array([0.0, 0.0, 2.0]), tilted.quat_world_from_pelvis_wxyz, tilted.joint_position_rad)
    world.forward()
    model, data = world.model, world.data
    data.qacc[:] = 0.0
    mujoco.mj_inverse(model, data)
    dofs = [int(model.joint(name).dofadr[0]) for name in MOTOR_ORDER]
    base = int(model.joint("base").dofadr[0])
    torso = model.body(UNITREE_G1.torso_link).id
    linear, angular = np.zeros((3, model.nv)), np.zeros((3, model.nv))
    mujoco.mj_jacBody(model, data, linear, angular, torso)
    jacobian = np.vstack((linear, angular))
    wrench = np.linalg.solve(jacobian[:, base : base + 6].T, data.qfrc_inverse[base : base + 6])
    expected = (data.qfrc_inverse - jacobian.T @ wrench)[dofs]
    # Fingers are a load on the wrists here and there.
    np.testing.assert_allclose(hanging.command(tilted, 0).torque_nm, expected, atol=0.05)
    assert np.abs(expected).max() > 5.0


def steps(hanging, first, count, **measured):
    return [hanging.carried(state(step, **measured)) for step in range(first, first + count)]


def test_feet_carry_once_the_knees_have_given_way_for_a_while(hanging):
    assert not any(steps(hanging, 0, 400))
    assert not any(steps(hanging, 400, 100, joints=sagged(0.05)))
    assert not any(steps(hanging, 500, 20, joints=sagged(0.07)))
    assert not any(steps(hanging, 520, 10))
    assert steps(hanging, 530, 40, joints=sagged(0.07)).index(True) == 30


def test_a_pose_that_was_not_taken_yet_carries_nothing(hanging):
    assert not any(steps(hanging, 0, 200, joints=sagged(0.2)))


@pytest.mark.parametrize("tilt_rad", [(0.0, 0.2), (0.0, -0.2), (0.3, 0.0)])
def test_feet_that_are_not_below_the_centre_of_mass_do_not_carry(hanging, tilt_rad):
    steps(hanging, 0, 400)
    assert not any(steps(hanging, 400, 100, joints=sagged(0.1), tilt_rad=tilt_rad))
    assert any(steps(hanging, 500, 100, joints=sagged(0.1)))


def test_in_the_air_legs_turn_against_the_tilt_and_no_further_once_they_carry(hanging):
    def hips():
        return hanging.command(state(2000), 2000 * STEP_NS).joint_position_rad[HIPS_PITCH] - STANDING[HIPS_PITCH]

    steps(hanging, 0, 1000, tilt_rad=(0.0, 0.1))
    np.testing.assert_allclose(hips(), -0.1, atol=0.001)
    steps(hanging, 1000, 300, joints=sagged(0.05), tilt_rad=(0.0, -0.1))
    np.testing.assert_allclose(hips(), -0.1, atol=0.001)
    steps(hanging, 1300, 1000, tilt_rad=(0.0, 0.9))
    np.testing.assert_allclose(hips(), -0.3, atol=0.001)


def test_beginning_anew_forgets(hanging):
    steps(hanging, 0, 1000, tilt_rad=(0.0, 0.1))
    hanging.reset(replace(state(), stamp_ns=5000 * STEP_NS))
    late = state(6000)
    np.testing.assert_allclose(hanging.command(late, late.stamp_ns).joint_position_rad, STANDING, atol=1e-12)
