"""Laws of `hlm.core.protocols.Tracker`."""

import numpy as np
import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import HlmError
from hlm.core.proprioception import measured_state
from hlm.core.values import Reference, RobotState


def standing_state(stamp_ns):
    return RobotState(stamp_ns, UNITREE_G1.default_rad, np.zeros(29), np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(3))


class TrackerConformance:
    """What every tracker does; a subclass gives the fixture `tracker`."""

    @pytest.fixture
    def tracker(self):
        raise NotImplementedError

    def commands(self, tracker, steps=20):
        tracker.reset(standing_state(0))
        vector = measured_state(standing_state(0), None)[0]
        given = []
        for step in range(steps):
            if step % 3 == 0:
                tracker.push(Reference(step * 10_000_000, vector))
            given.append(tracker.step(standing_state(step * 10_000_000)))
        return given

    def test_commands_are_finite_and_stamped_as_their_measurement(self, tracker):
        for step, command in enumerate(self.commands(tracker)):
            assert command.stamp_ns == step * 10_000_000
            for values in (command.torque_nm, command.joint_position_rad, command.joint_velocity_rad_s):
                assert np.isfinite(values).all()
            assert (command.kp_nm_rad >= 0.0).all()
            assert (command.kd_nm_s_rad >= 0.0).all()
            assert (np.abs(command.torque_nm) <= UNITREE_G1.effort_nm + 1e-9).all()

    def test_positions_stay_within_the_joints_limits(self, tracker):
        for command in self.commands(tracker):
            assert (command.joint_position_rad >= UNITREE_G1.lower_rad - 1e-9).all()
            assert (command.joint_position_rad <= UNITREE_G1.upper_rad + 1e-9).all()

    def test_a_reset_forgets_everything(self, tracker):
        first = self.commands(tracker)
        again = self.commands(tracker)
        for one, other in zip(first, again, strict=True):
            np.testing.assert_array_equal(one.torque_nm, other.torque_nm)
            np.testing.assert_array_equal(one.joint_position_rad, other.joint_position_rad)

    def test_references_out_of_order_are_refused(self, tracker):
        tracker.reset(standing_state(0))
        vector = measured_state(standing_state(0), None)[0]
        tracker.push(Reference(50_000_000, vector))
        with pytest.raises(HlmError):
            tracker.push(Reference(40_000_000, vector))
