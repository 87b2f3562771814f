import numpy as np
import pytest

from hlm.core.layout import GRIPPERS, ROOT, unpack
from hlm.core.proprioception import measured_state
from hlm.core.rotations import quat_from_roll_pitch_yaw
from hlm.core.values import RobotState


def state(stamp_ns, roll_pitch_yaw):
    quat = quat_from_roll_pitch_yaw(np.array(roll_pitch_yaw))
    return RobotState(stamp_ns, np.arange(29.0), np.zeros(29), quat, np.zeros(3), np.array([0.25, 0.75]))


def test_every_measurement_has_its_place():
    vector, yaw_rate = measured_state(state(100, (0.1, -0.2, 3.0)), None)
    joints, grippers, root = unpack(vector)
    assert joints.tolist() == list(range(29))
    assert grippers.tolist() == [0.25, 0.75]
    np.testing.assert_allclose(root, [0.1, -0.2, 0.0], atol=1e-12)
    assert (yaw_rate.stamp_ns, yaw_rate.yaw_rad) == (100, pytest.approx(3.0))


def test_the_heading_itself_is_not_in_the_state():
    one, _ = measured_state(state(0, (0.1, 0.2, 0.0)), None)
    other, _ = measured_state(state(0, (0.1, 0.2, 2.5)), None)
    np.testing.assert_allclose(one, other, atol=1e-12)


def test_the_yaw_rate_goes_on_from_row_to_row():
    yaw_rate = None
    for row in range(60):
        vector, yaw_rate = measured_state(state(row * 33_333_333, (0.0, 0.0, 0.5 * row / 30)), yaw_rate)
    assert vector[ROOT][2] == pytest.approx(0.5, abs=1e-3)
    assert vector[list(GRIPPERS)].tolist() == [0.25, 0.75]
