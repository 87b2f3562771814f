"""Unitree's messages: their checksum against a bit by bit one, and what they say as a measurement."""

import ctypes
import struct

import numpy as np
import pytest
from fakes_wire import crc32_mpeg2

from hlm.robots.unitree_messages import LowCommand, LowState, checksum
from hlm.robots.unitree_state import NO_VOLTAGE, content, orientation, to_state

NO_TORSO = np.full(4, np.nan)


def measured(voltage_v=48.0):
    low = LowState()
    low.imu_state.quaternion[:] = (0.8, 0.0, 0.6, 0.0)
    low.imu_state.gyroscope[:] = (0.1, 0.2, 0.3)
    for index, motor in enumerate(low.motor_state):
        motor.q, motor.dq, motor.vol = 0.01 * index, -0.01 * index, voltage_v
        motor.temperature[:] = (30, 30 + index)
    return low


@pytest.mark.parametrize("kind", [LowState, LowCommand])
def test_the_checksum_is_that_over_all_words_but_the_last(kind):
    message = kind.from_buffer_copy(np.random.default_rng(5).bytes(ctypes.sizeof(kind)))
    words = struct.unpack(f"<{ctypes.sizeof(kind) // 4 - 1}I", bytes(message)[:-4])
    assert checksum(message) == crc32_mpeg2(words)


def test_a_message_becomes_a_measurement():
    state = to_state(measured(), NO_TORSO, 7, np.array([0.25, 1.0]))
    assert state.stamp_ns == 7
    np.testing.assert_allclose(state.joint_position_rad, 0.01 * np.arange(29), rtol=1e-6)
    np.testing.assert_allclose(state.joint_velocity_rad_s, -0.01 * np.arange(29), rtol=1e-6)
    np.testing.assert_allclose(state.quat_world_from_pelvis_wxyz, (0.8, 0.0, 0.6, 0.0), atol=1e-7)
    assert np.linalg.norm(state.quat_world_from_pelvis_wxyz) == pytest.approx(1.0, abs=1e-15)
    np.testing.assert_allclose(state.angular_velocity_pelvis_in_pelvis_rad_s, (0.1, 0.2, 0.3), rtol=1e-6)
    np.testing.assert_array_equal(state.motor_temperature_c, 30 + np.arange(29))
    np.testing.assert_array_equal(state.motor_fault, np.zeros(29))
    assert np.isnan(state.quat_world_from_torso_wxyz).all()


def test_a_motor_has_a_code_or_no_voltage_unless_nobody_measures_it():
    low = measured()
    low.motor_state[3].motorstate = 0x80000001
    low.motor_state[4].vol = 0.0
    faults = to_state(low, NO_TORSO, 0, np.ones(2)).motor_fault
    assert (faults[3], faults[4], np.count_nonzero(faults)) == (0x80000001, NO_VOLTAGE, 2)
    assert not to_state(measured(voltage_v=0.0), NO_TORSO, 0, np.ones(2)).motor_fault.any()


def test_the_measurement_is_a_copy_and_what_changes_is_told():
    low = measured()
    before, told = to_state(low, NO_TORSO, 0, np.ones(2)), content(low)
    low.tick += 1
    assert content(low) == told
    low.motor_state[0].q = 1.0
    assert content(low) != told
    assert before.joint_position_rad[0] == 0.0


def test_a_unit_that_has_not_started_measures_nothing():
    low = LowState()
    assert np.isnan(orientation(low.imu_state)).all()
    np.testing.assert_allclose(orientation(measured().imu_state), (0.8, 0.0, 0.6, 0.0), atol=1e-7)
