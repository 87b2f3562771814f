"""Laws of `hlm.core.protocols.Robot`."""

from dataclasses import replace

import numpy as np
import pytest

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import MOTOR_ORDER
from hlm.core.values import JointCommand


def stay(state, stamp_ns):
    """A command that holds the measured pose."""
    none = np.zeros(29)
    kp, kd = ([getattr(joint, gain) for joint in UNITREE_G1.joints] for gain in ("kp_nm_rad", "kd_nm_s_rad"))
    return JointCommand(stamp_ns, state.joint_position_rad, none, np.array(kp), np.array(kd), none, np.ones(2))


class RobotConformance:
    """What every robot does; a subclass gives the fixture `robot_and_clock`: a robot that was not entered yet."""

    moves_at_once = False

    @pytest.fixture
    def robot_and_clock(self):
        raise NotImplementedError

    def test_entering_gives_the_robot_and_leaving_passes_errors_on(self, robot_and_clock):
        robot, _ = robot_and_clock
        with pytest.raises(ZeroDivisionError), robot as entered:
            assert entered is robot
            raise ZeroDivisionError

    def test_a_measurement_is_stamped_by_the_sessions_clock_and_in_range(self, robot_and_clock):
        robot, clock = robot_and_clock
        with robot:
            before_ns = clock.now_ns()
            state = robot.read()
            assert before_ns - 100_000_000 <= state.stamp_ns <= clock.now_ns()
            assert np.isfinite(state.joint_position_rad).all()
            assert np.isfinite(state.joint_velocity_rad_s).all()
            assert np.linalg.norm(state.quat_world_from_pelvis_wxyz) == pytest.approx(1.0, abs=1e-6)
            assert (state.gripper_opening >= -0.05).all()
            assert (state.gripper_opening <= 1.05).all()

    def test_stamps_of_measurements_never_decrease(self, robot_and_clock):
        robot, clock = robot_and_clock
        with robot:
            stamps = []
            for _ in range(5):
                stamps.append(robot.read().stamp_ns)
                clock.wait_until(clock.now_ns() + 4_000_000)
            assert stamps == sorted(stamps)
            assert stamps[-1] > stamps[0]

    def test_a_command_holds_until_the_next_one(self, robot_and_clock):
        robot, clock = robot_and_clock
        with robot:
            start = robot.read()
            bent = np.array(start.joint_position_rad)
            bent[MOTOR_ORDER.index("left_elbow")] += 0.3
            robot.command(replace(stay(start, clock.now_ns()), joint_position_rad=bent))
            for _ in range(2):  # one command reaches its target and stays there
                clock.wait_until(clock.now_ns() + 200_000_000)
                reached = robot.read().joint_position_rad[MOTOR_ORDER.index("left_elbow")]
                assert reached == pytest.approx(bent[MOTOR_ORDER.index("left_elbow")], abs=0.1)

    def test_leaving_lets_go_of_the_motors(self, robot_and_clock):
        robot, clock = robot_and_clock
        with robot:
            state = robot.read()
            raised = np.array(state.joint_position_rad)
            raised[MOTOR_ORDER.index("left_shoulder_pitch")] -= 1.0
            robot.command(replace(stay(state, clock.now_ns()), joint_position_rad=raised))
        if self.moves_at_once:
            return
        clock.wait_until(clock.now_ns() + 100_000_000)
        arm = robot.read().joint_position_rad[MOTOR_ORDER.index("left_shoulder_pitch")]
        assert arm > state.joint_position_rad[MOTOR_ORDER.index("left_shoulder_pitch")] - 0.3

    def test_it_can_be_entered_again(self, robot_and_clock):
        robot, clock = robot_and_clock
        for _ in range(2):
            with robot:
                state = robot.read()
                robot.command(stay(state, clock.now_ns()))
