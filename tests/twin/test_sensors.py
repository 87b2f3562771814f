import numpy as np
import pytest

from hlm.core.rotations import quat_from_roll_pitch_yaw, roll_pitch_yaw_from_quat
from hlm.twin.sensors import GYROSCOPE_RAD_S, POSITION_RAD, TILT_RAD, VELOCITY_RAD_S, Sensors, roll_pitch_yaw


def test_without_noise_a_measurement_is_exact_but_never_repeats(simulated_robot):
    robot, _ = simulated_robot
    true, sensors = robot.read(), Sensors(0.0, 0.0, seed=1)
    first, second = sensors.measure(robot), sensors.measure(robot)
    np.testing.assert_array_equal(first.position_rad, true.joint_position_rad)
    np.testing.assert_array_equal(first.velocity_rad_s, true.joint_velocity_rad_s)
    np.testing.assert_allclose(first.quat_wxyz, true.quat_world_from_pelvis_wxyz, atol=1e-15)
    np.testing.assert_allclose(first.torso_quat_wxyz, robot.torso_orientation(), atol=1e-15)
    assert (first.acceleration_m_s2 != second.acceleration_m_s2).all()
    assert first.acceleration_m_s2[2] == pytest.approx(9.81, abs=0.2)


def test_noise_has_its_size_and_its_seed(simulated_robot):
    robot, _ = simulated_robot
    true, sensors = robot.read(), Sensors(2.0, 0.0, seed=1)
    many = [sensors.measure(robot) for _ in range(600)]
    for values, exact, size in (
        ([one.position_rad for one in many], true.joint_position_rad, POSITION_RAD),
        ([one.velocity_rad_s for one in many], true.joint_velocity_rad_s, VELOCITY_RAD_S),
        ([one.angular_velocity_rad_s for one in many], true.angular_velocity_pelvis_in_pelvis_rad_s, GYROSCOPE_RAD_S),
    ):
        assert np.std(np.array(values) - exact) == pytest.approx(2.0 * size, rel=0.1)
    for quats in ([one.quat_wxyz for one in many], [one.torso_quat_wxyz for one in many]):
        tilts = roll_pitch_yaw_from_quat(np.array(quats))
        assert np.std(tilts - tilts.mean(axis=0)) == pytest.approx(2.0 * TILT_RAD, rel=0.1)
    again = Sensors(2.0, 0.0, seed=1).measure(robot)
    np.testing.assert_array_equal(again.position_rad, many[0].position_rad)


def test_a_delay_tells_what_was_measured_before(simulated_robot):
    robot, world = simulated_robot
    now, late = Sensors(0.0, 0.0, seed=1), Sensors(0.0, 0.006, seed=1)
    told = []
    for _ in range(6):
        told.append((now.measure(robot).velocity_rad_s, late.measure(robot).velocity_rad_s))
        world.step()
    for index in range(3, 6):
        np.testing.assert_array_equal(told[index][1], told[index - 3][0])


def test_roll_pitch_yaw_is_the_one_of_the_contract():
    rng = np.random.default_rng(1)
    for angles in rng.uniform(-1.4, 1.4, (50, 3)):
        quat = quat_from_roll_pitch_yaw(angles)
        np.testing.assert_allclose(roll_pitch_yaw(quat), angles, atol=1e-9)
        np.testing.assert_allclose(roll_pitch_yaw(-quat), angles, atol=1e-9)
