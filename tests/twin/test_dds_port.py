"""The twin, our robot link and strangers over real DDS, each in a process of its own."""

import json
import signal
import sys
from contextlib import ExitStack
from itertools import islice

import numpy as np
import pytest
from fakes_unitree import (
    ELSEWHERE,
    INTERFACE,
    FloorTwin,
    Where,
    command_and,
    command_if_free,
    hold,
    listen_idly,
    script,
    stranger,
    wait_for,
)
from fakes_wire import Wire, crc32_mpeg2

from hlm.core.clock import MonotonicClock
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError
from hlm.core.layout import MOTOR_ORDER
from hlm.core.processes import ChildProcess
from hlm.robots.unitree_link import DdsAddress
from hlm.robots.unitree_remote import key_field
from hlm.robots.unitree_state import NO_VOLTAGE
from hlm.runtime.safety.inertial_units import InertialUnits
from hlm.twin.faults import no_faults

pytest.importorskip("unitree_interface")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="DDS over the loopback interface of Linux")

CLOCK = MonotonicClock()
KD = [joint.kd_nm_s_rad for joint in UNITREE_G1.joints]


@pytest.fixture(scope="module")
def twin():
    twin = FloorTwin("hanging")
    twin.child.start()
    twin.child.wait_ready(60.0)
    yield twin
    twin.child.stop()


@pytest.fixture(autouse=True)
def all_well(twin):
    twin.faults.append(no_faults())


def test_a_stranger_reads_the_state_and_moves_a_joint(twin):
    twin.say("hot left_hip_pitch 55")
    twin.say("remote F1")
    with stranger("move") as other:
        told, errors = other.communicate(timeout=120)
    assert other.returncode == 0, errors
    found = json.loads(told)
    assert found["mode_machine"] == 5
    assert np.linalg.norm(found["quat"]) == pytest.approx(1.0, abs=1e-5)
    assert np.linalg.norm(found["accel"]) == pytest.approx(9.81, abs=0.3)
    assert (found["temperature"], found["voltage"]) == (55, 48.0)
    assert found["keys"] == key_field(("F1",))
    assert found["moved"] == pytest.approx(0.4, abs=0.15)
    assert 0.5 < found["height"] < 1.2
    wait_for(twin.limp)


def test_a_stranger_hears_our_commands_and_at_the_end_that_we_brake(twin):
    # The binding hands over commands whose checksum is right, and no others.
    with stranger("listen") as other:
        assert json.loads(other.stdout.readline()) == "listening"
        child = ChildProcess("commander", command_and, Where(), "ends").start()
        try:
            child.wait_ready(60.0)
            heard = json.loads(other.stdout.readline())
            child.stop()
            braked = json.loads(other.stdout.readline())
        finally:
            child.stop()
            other.kill()
    np.testing.assert_allclose(heard["kp"], [joint.kp_nm_rad for joint in UNITREE_G1.joints], rtol=1e-6)
    np.testing.assert_allclose(heard["kd"], KD, rtol=1e-6)
    assert not any(heard["tau"])
    assert not any(heard["dq"])
    np.testing.assert_allclose(braked["kd"], KD, rtol=1e-6)


def test_commands_lie_on_the_wire_with_a_right_checksum(twin):
    try:
        wire = Wire(DdsAddress.parse(INTERFACE).port_base)
    except PermissionError:
        pytest.skip("hearing packets needs CAP_NET_RAW")
    child = ChildProcess("commander", command_and, Where(), "ends").start()
    with wire:
        try:
            child.wait_ready(60.0)
            heard = list(islice(wire.commands(30.0), 20))
        finally:
            child.stop()
        braked = next(one for one in wire.commands(30.0) if not any(motor[4] for motor in one.motors))
    assert len(heard) == 20
    for command in (*heard, braked):
        assert command.crc == crc32_mpeg2(command.words)
    kp = [motor[4] for motor in heard[0].motors[:29]]
    np.testing.assert_allclose(kp, [joint.kp_nm_rad for joint in UNITREE_G1.joints], rtol=1e-6)
    np.testing.assert_allclose([motor[5] for motor in braked.motors[:29]], KD, rtol=1e-6)
    assert {(one.mode_pr, one.mode_machine, *(motor[0] for motor in one.motors[:29])) for one in heard} == {
        (0, 5, *29 * [1])
    }


@pytest.mark.slow
def test_a_script_that_is_terminated_lets_the_motors_brake(twin):
    with script() as process:
        try:
            wait_for(lambda: twin.traffic["stiff"])
            process.send_signal(signal.SIGTERM)
            wait_for(twin.limp)
            assert process.wait(30.0) == 128 + signal.SIGTERM
        finally:
            process.kill()


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_robot_in_other_hands_is_refused(twin, when):
    child = ChildProcess("second", command_if_free, Where(), "connects" if when == "before" else "commands")
    with ExitStack() as stack:
        if when == "after":
            stack.callback(child.stop)
            child.start().wait_ready(60.0)
        other = stack.enter_context(script())
        stack.callback(other.kill)
        wait_for(lambda: twin.traffic["stiff"])
        heard = int(twin.traffic["commands"])
        if when == "before":
            stack.callback(child.stop)
            with pytest.raises(InputError, match="another process commands this robot"):
                child.start().wait_ready(60.0)
        else:
            child.release()
            wait_for(lambda: not child.alive)
            assert "another process commands this robot" in str(child.error())
        assert twin.traffic["commands"] == heard
        other.terminate()
        wait_for(twin.limp)


def test_a_robot_whose_firmware_is_not_ready_is_refused(twin):
    twin.say("mode 0")
    child = ChildProcess("second", listen_idly, Where())
    try:
        with pytest.raises(InputError, match="machine mode is 0: its firmware is not ready"):
            child.start().wait_ready(60.0)
    finally:
        child.stop()


def test_a_robots_own_controller_releases_one_that_hangs_and_no_other():
    own = FloorTwin("hanging", ELSEWHERE, controller="ai")
    own.child.start().wait_ready(60.0)
    standing = ChildProcess("standing", command_and, ELSEWHERE, "ends")
    hanging = ChildProcess("hanging", command_and, ELSEWHERE, "ends", "hanging")
    try:
        with pytest.raises(InputError, match="own controller 'ai' has the motors, and a standing"):
            standing.start().wait_ready(60.0)
        assert own.traffic["commands"] == 0
        hanging.start().wait_ready(60.0)
        wait_for(lambda: own.traffic["stiff"])
    finally:
        for child in (standing, hanging, own.child):
            child.stop()


def test_a_motor_that_reports_a_fault_is_not_taken_over(twin):
    twin.say("motor left_knee fault 4")
    child = ChildProcess("second", listen_idly, Where())
    try:
        with pytest.raises(InputError, match=r"motors report faults: left_knee \(codes 4\)"):
            child.start().wait_ready(60.0)
    finally:
        child.stop()


@pytest.mark.parametrize("ending", ["ends", pytest.param("breaks", marks=pytest.mark.slow)])
def test_whoever_leaves_lets_the_motors_brake(twin, ending):
    child = ChildProcess("commander", command_and, Where(), ending).start()
    try:
        child.wait_ready(60.0)
        wait_for(lambda: twin.traffic["stiff"])
        child.release()
        wait_for(twin.limp)
    finally:
        child.stop()


@pytest.mark.slow
def test_an_idle_link_commands_nothing(twin):
    before = int(twin.traffic["commands"])
    child = ChildProcess("idle", listen_idly, Where()).start()
    try:
        child.wait_ready(60.0)
        exchanges = int(twin.traffic["exchanges"])
        wait_for(lambda: twin.traffic["exchanges"] > exchanges + 200)
    finally:
        child.stop()
    assert twin.traffic["commands"] == before


@pytest.fixture(scope="module")
def robot(twin):
    twin.faults.append(no_faults())
    with Where().robot() as robot:
        yield robot


class TestFaults:
    """What the switches do to a robot link in this process."""

    def test_measurements_age_when_they_repeat_and_when_they_do_not_come(self, twin, robot):
        for fault in ("state frozen", "state stopped"):
            wait_for(lambda: CLOCK.now_ns() - robot.read().stamp_ns < 50_000_000)
            twin.say(fault)
            wait_for(lambda: CLOCK.now_ns() - robot.read().stamp_ns > 300_000_000)
            twin.say("state ok")

    def test_temperatures_and_dead_motors_are_measured(self, twin, robot):
        knee = MOTOR_ORDER.index("left_knee")
        twin.say("hot left_knee 97")
        wait_for(lambda: robot.read().motor_temperature_c[knee] == 97.0)
        twin.say("motor left_knee dead")
        wait_for(lambda: robot.read().motor_fault[knee] == NO_VOLTAGE)
        twin.say("motor right_knee fault 4")
        wait_for(lambda: robot.read().motor_fault[MOTOR_ORDER.index("right_knee")] == 4.0)
        assert robot.read().motor_fault.sum() == NO_VOLTAGE + 4.0

    def test_both_inertial_units_are_measured(self, twin, robot):
        apart_rad = InertialUnits(UNITREE_G1).disagreement_rad
        assert apart_rad(robot.read()) < 0.02
        twin.say("imu torso tilted 20")
        wait_for(lambda: apart_rad(robot.read()) > 0.1)
        twin.say("imu torso ok")
        twin.say("imu pelvis tilted -30")
        wait_for(lambda: apart_rad(robot.read()) > 0.2)
        twin.say("imu torso silent")
        wait_for(lambda: np.isnan(robot.read().quat_world_from_torso_wxyz).all())

    def test_the_remotes_stop_is_seen_until_it_is_let_go(self, twin, robot):
        twin.say("remote L1 A")
        wait_for(lambda: robot.operator_stop() == "L1 + A on the remote")
        twin.say("remote")
        wait_for(lambda: robot.operator_stop() == "")

    def test_a_command_that_is_cut_off_does_not_arrive(self, twin, robot):
        robot.command(hold(robot.read()))
        wait_for(lambda: twin.traffic["stiff"])
        twin.say("commands cut")
        wait_for(lambda: twin.traffic["exchanges"] > 0)
        CLOCK.wait_until(CLOCK.now_ns() + 50_000_000)
        before = int(twin.traffic["commands"])
        robot.command(hold(robot.read()))
        CLOCK.wait_until(CLOCK.now_ns() + 200_000_000)
        assert twin.traffic["commands"] == before
        twin.say("commands ok")
        wait_for(lambda: twin.traffic["commands"] > before)

    def test_grippers_open_and_close(self, twin, robot):
        command = hold(robot.read())
        for wanted in (0.0, 1.0):
            closed = type(command)(
                *(getattr(command, name) for name in command.__slots__ if name != "gripper_opening"),
                gripper_opening=np.array([wanted, 1.0]),
            )

            def there(closed=closed, wanted=wanted):
                robot.command(closed)  # a subscriber that has just connected misses what was said before
                return abs(robot.read().gripper_opening[0] - wanted) < 0.2

            wait_for(there)

    def test_another_machine_mode_is_no_measurement(self, twin, robot):
        twin.say("mode 6")
        with pytest.raises(Exception, match="machine mode has changed from 5 to 6"):
            wait_for(lambda: robot.read() is None)
