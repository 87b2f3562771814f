"""Laws of `hlm.core.protocols.Tracker`."""

from dataclasses import replace

import numpy as np
import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import HlmError
from hlm.core.layout import NAMES
from hlm.core.proprioception import measured_state
from hlm.core.rotations import quat_from_roll_pitch_yaw
from hlm.core.values import Reference, RobotState

TICK_NS = 10_000_000
KNEE = 3
WILD = [
    ("left_knee", 10.0),
    ("left_knee", -1e300),
    ("right_wrist_yaw", 1e6),
    ("root_roll", 2.0),
    ("root_pitch", -2.0),
    ("root_yaw_rate", 100.0),
    ("left_gripper", -5.0),
    ("waist_pitch", np.nan),
    ("root_roll", np.inf),
]
IMPOSSIBLE = [
    ("joint_position_rad", KNEE, np.nan),
    ("joint_position_rad", KNEE, 1e6),
    ("joint_velocity_rad_s", KNEE, np.inf),
    ("joint_velocity_rad_s", KNEE, -1e6),
    ("angular_velocity_pelvis_in_pelvis_rad_s", 1, np.nan),
    ("angular_velocity_pelvis_in_pelvis_rad_s", 1, 1e6),
    ("quat_world_from_pelvis_wxyz", 0, np.nan),
    ("quat_world_from_pelvis_wxyz", 0, 0.0),
    ("quat_world_from_pelvis_wxyz", 0, 2.0),
    ("gripper_opening", 1, np.nan),
]


def standing_state(stamp_ns):
    return RobotState(stamp_ns, UNITREE_G1.default_rad, np.zeros(29), np.array([1.0, 0.0, 0.0, 0.0]), np.zeros(3))


def standing_with(stamp_ns, field, index, value):
    """A measurement with a number in it that cannot be one."""
    values = np.array(getattr(standing_state(stamp_ns), field))
    values[index] = value
    return replace(standing_state(stamp_ns), **{field: values})


STANDING = measured_state(standing_state(0), None)[0]


def wild_vector(dimension, value):
    vector = STANDING.copy()
    vector[NAMES.index(dimension)] = value
    return vector


def may_be_sent(command):
    """Whether a command has numbers alone, none of them beyond what joints and motors have."""
    return (
        np.isfinite(command.joint_velocity_rad_s).all()
        and (command.joint_position_rad >= UNITREE_G1.lower_rad - 1e-9).all()
        and (command.joint_position_rad <= UNITREE_G1.upper_rad + 1e-9).all()
        and (np.abs(command.torque_nm) <= UNITREE_G1.effort_nm + 1e-9).all()
        and (command.gripper_opening >= 0.0).all()
        and (command.gripper_opening <= 1.0).all()
    )


class TrackerConformance:
    """What every tracker does; a subclass gives the fixture `tracker`."""

    @pytest.fixture
    def tracker(self):
        raise NotImplementedError

    def commands(self, tracker, steps=20, meanwhile=lambda step: None):
        """Commands for a robot that stands; `meanwhile` may do something before each step."""
        tracker.reset(standing_state(0))
        given = []
        for step in range(steps):
            if step % 3 == 0:
                tracker.push(Reference(step * TICK_NS, STANDING))
            meanwhile(step)
            given.append(tracker.step(standing_state(step * TICK_NS)))
        return given

    def refused(self, tracker, attempt):
        """That an attempt in the midst of a stream is refused in one line, and changes nothing of what follows."""
        errors = []

        def meanwhile(step):
            if step == 10:
                with pytest.raises(HlmError) as caught:
                    attempt()
                errors.append(str(caught.value))

        undisturbed = self.commands(tracker)
        disturbed = self.commands(tracker, meanwhile=meanwhile)
        assert errors[0]
        assert "\n" not in errors[0]
        for one, other in zip(undisturbed, disturbed, strict=True):
            np.testing.assert_array_equal(one.torque_nm, other.torque_nm)
            np.testing.assert_array_equal(one.joint_position_rad, other.joint_position_rad)
            np.testing.assert_array_equal(one.joint_velocity_rad_s, other.joint_velocity_rad_s)

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
        tracker.push(Reference(50_000_000, STANDING))
        with pytest.raises(HlmError):
            tracker.push(Reference(40_000_000, STANDING))

    @pytest.mark.parametrize(("dimension", "value"), WILD)
    def test_references_that_nobody_means_are_refused_and_change_nothing(self, tracker, dimension, value):
        self.refused(tracker, lambda: tracker.push(Reference(10 * TICK_NS, wild_vector(dimension, value))))

    @pytest.mark.parametrize("stamp_ns", [-(10**15), -1, 8 * TICK_NS, 9 * TICK_NS, 300 * TICK_NS, 10**15])
    def test_references_of_another_time_are_refused_and_change_nothing(self, tracker, stamp_ns):
        self.refused(tracker, lambda: tracker.push(Reference(stamp_ns, STANDING)))

    @pytest.mark.parametrize(("field", "index", "value"), IMPOSSIBLE)
    def test_impossible_measurements_are_refused_and_change_nothing(self, tracker, field, index, value):
        self.refused(tracker, lambda: tracker.step(standing_with(10 * TICK_NS, field, index, value)))

    @pytest.mark.parametrize(("field", "index", "value"), IMPOSSIBLE)
    def test_nothing_starts_from_an_impossible_measurement(self, tracker, field, index, value):
        with pytest.raises(HlmError):
            tracker.reset(standing_with(0, field, index, value))
        assert all(map(may_be_sent, self.commands(tracker)))

    @pytest.mark.parametrize("stamp_ns", [-(10**15), -5 * TICK_NS, 100 * TICK_NS, 10**15])
    def test_measurements_of_another_time_are_refused_and_change_nothing(self, tracker, stamp_ns):
        self.refused(tracker, lambda: tracker.step(standing_state(stamp_ns)))

    @pytest.mark.parametrize("ahead", [-8, -1, 0, 9])
    def test_stamps_of_measurements_may_repeat_go_back_and_jump_a_little(self, tracker, ahead):
        stamps = [*range(20), 19 + ahead, 19 + ahead, *range(20, 40)]
        tracker.reset(standing_state(0))
        tracker.push(Reference(0, STANDING))
        for stamp in stamps:
            assert may_be_sent(tracker.step(standing_state(stamp * TICK_NS)))

    @pytest.mark.parametrize("roll_pitch_rad", [(0.0, -1.57), (0.0, 1.57), (1.57, 0.0), (3.14, 0.0)])
    def test_a_robot_that_starts_on_its_back_face_side_or_head_is_not_balanced(self, tracker, roll_pitch_rad):
        lying = replace(
            standing_state(0), quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(np.array([*roll_pitch_rad, 0.0]))
        )
        tracker.reset(lying)
        with pytest.raises(HlmError, match="the robot has fallen"):
            tracker.step(replace(lying, stamp_ns=TICK_NS))

    @pytest.mark.parametrize("roll_pitch_rad", [(0.0, 0.17), (0.0, -0.35), (0.35, 0.0), (0.0, 0.7), (-0.7, 0.0)])
    def test_a_robot_that_starts_tilted_gets_commands_that_may_be_sent(self, tracker, roll_pitch_rad):
        tilted = replace(
            standing_state(0), quat_world_from_pelvis_wxyz=quat_from_roll_pitch_yaw(np.array([*roll_pitch_rad, 0.0]))
        )
        tracker.reset(tilted)
        for step in range(20):
            assert may_be_sent(tracker.step(replace(tilted, stamp_ns=step * TICK_NS)))
