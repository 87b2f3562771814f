from dataclasses import replace

import numpy as np
import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import SimulationError
from hlm.core.rotations import quat_from_roll_pitch_yaw
from hlm.core.values import JointCommand

LEVEL = np.array([1.0, 0.0, 0.0, 0.0])


@pytest.fixture
def robot(task):
    task.reset(0)
    with task.robot as robot:
        yield robot


def command(**changes):
    arrays = {name: np.zeros(29) for name in ("joint_velocity_rad_s", "kp_nm_rad", "kd_nm_s_rad", "torque_nm")}
    made = JointCommand(0, UNITREE_G1.default_rad, **arrays, gripper_opening=np.ones(2))
    return replace(made, **changes)


def motor_torques(task):
    return np.array([task.world.data.actuator(joint.name).force[0] for joint in UNITREE_G1.joints])


def test_it_measures_where_it_was_placed(task, robot):
    joints = np.linspace(-0.05, 0.05, 29) + UNITREE_G1.default_rad
    quat = quat_from_roll_pitch_yaw(np.array([0.1, -0.2, 0.3]))
    robot.place(np.array([0.0, 1.0, 2.0]), quat, joints)
    state = robot.read()
    np.testing.assert_array_equal(state.joint_position_rad, joints)
    np.testing.assert_array_equal(state.quat_world_from_pelvis_wxyz, quat)
    assert not state.joint_velocity_rad_s.any()
    assert state.gripper_opening.tolist() == [1.0, 1.0]
    position_m, true_quat = robot.true_base()
    assert position_m.tolist() == [0.0, 1.0, 2.0]
    np.testing.assert_array_equal(true_quat, quat)
    assert robot.pelvis_height_m() == 2.0
    assert robot.pelvis_uprightness() == pytest.approx(np.cos(0.1) * np.cos(0.2))


def test_the_gyroscope_measures_in_the_pelvis_frame(task, robot):
    quat = quat_from_roll_pitch_yaw(np.array([0.0, 0.0, np.pi / 2]))
    robot.place(np.array([0.0, 0.0, 5.0]), quat, UNITREE_G1.default_rad)
    # Half a turn in a second about the robot's own forward axis, which points along y of the world.
    task.world.data.qvel[3:6] = [np.pi, 0.0, 0.0]
    task.world.wait_until(20_000_000)
    state = robot.read()
    np.testing.assert_allclose(state.angular_velocity_pelvis_in_pelvis_rad_s, [np.pi, 0.0, 0.0], atol=0.2)
    turned = quat_from_roll_pitch_yaw(np.array([0.02 * np.pi, 0.0, np.pi / 2]))
    np.testing.assert_allclose(state.quat_world_from_pelvis_wxyz, turned, atol=5e-3)


def test_the_state_carries_the_time_of_the_world(task, robot):
    task.world.wait_until(6_000_000)
    assert robot.read().stamp_ns == 6_000_000


def test_motors_follow_the_pd_law(task, robot):
    torque, kp, kd = np.linspace(-1.0, 1.0, 29), np.full(29, 20.0), np.full(29, 0.5)
    aim, speed = UNITREE_G1.default_rad + 0.02, np.full(29, 0.3)
    robot.command(
        command(joint_position_rad=aim, joint_velocity_rad_s=speed, kp_nm_rad=kp, kd_nm_s_rad=kd, torque_nm=torque)
    )
    before = robot.read()
    task.world.wait_until(2_000_000)
    expected = torque + kp * (aim - before.joint_position_rad) + kd * (speed - before.joint_velocity_rad_s)
    limit = UNITREE_G1.effort_nm
    np.testing.assert_allclose(motor_torques(task), np.clip(expected, -limit, limit), atol=1e-9)


@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_torques_are_clipped_to_the_effort_limits(task, robot, sign):
    robot.command(command(torque_nm=np.full(29, sign * 1e4)))
    task.world.wait_until(2_000_000)
    np.testing.assert_allclose(motor_torques(task), sign * UNITREE_G1.effort_nm)


def test_without_a_command_there_is_no_torque(task, robot):
    task.world.wait_until(4_000_000)
    assert not motor_torques(task).any()


def test_leaving_the_context_releases_the_motors(task, robot):
    robot.command(command(torque_nm=np.full(29, 3.0)))
    task.world.wait_until(4_000_000)
    assert motor_torques(task).all()
    robot.__exit__(None, None, None)
    task.world.wait_until(8_000_000)
    assert not motor_torques(task).any()


@pytest.mark.parametrize("opening", [0.0, 0.4])
def test_each_gripper_follows_its_own_command(task, robot, opening):
    # High up, so that a falling hand touches nothing meanwhile.
    robot.place(np.array([0.0, 0.0, 5.0]), LEVEL, UNITREE_G1.default_rad)
    robot.command(command(gripper_opening=np.array([1.0, opening])))
    task.world.wait_until(400_000_000)
    np.testing.assert_allclose(robot.read().gripper_opening, [1.0, opening], atol=0.03)


def test_openings_beyond_the_stroke_are_clipped(task, robot):
    robot.command(command(gripper_opening=np.array([7.0, -3.0])))
    strokes = [gripper.finger_stroke_m for gripper in UNITREE_G1.grippers]
    found = [task.world.data.actuator(f"{side}_gripper").ctrl[0] for side in ("left", "right")]
    assert found == [strokes[0], 0.0]


def test_a_robot_in_a_world_that_blew_up_cannot_be_read(task, robot):
    task.world.data.qvel[int(task.world.model.joint("left_knee").dofadr[0])] = 1e12
    task.world.wait_until(4_000_000)
    with pytest.raises(
        SimulationError, match=r"the simulation blew up after 0\.000 s: the velocity of joint 'left_knee'"
    ):
        robot.read()
