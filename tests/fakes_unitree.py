"""A twin on an empty floor, and strangers that know Unitree's binding alone, in processes of their own."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hlm.core.clock import NS_PER_S, MonotonicClock
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.processes import ChildProcess
from hlm.core.shared_ring import SharedRing
from hlm.core.values import JointCommand
from hlm.robots.changingtek import GripperAddresses
from hlm.robots.unitree_g1 import UnitreeG1, UnitreeG1Config
from hlm.robots.unitree_link import DdsAddress
from hlm.sim.realtime.plant import Plant
from hlm.sim.robot import SimulatedRobot
from hlm.sim.scene import floor_with_robot
from hlm.sim.start_pose import stand_on_floor
from hlm.sim.world import TIME_STEP_NS, World
from hlm.twin.config import TwinConfig, TwinPorts
from hlm.twin.dds_port import TRAFFIC, DdsPort, make_faults_ring
from hlm.twin.faults import switched

PORTS = TwinPorts(first=30_000 + os.getpid() % 1000 * 20)
# The binding joins one network in the life of a process, and pytest's is to be nobody else's.
INTERFACE = f"lo:{11_000 + os.getpid() % 400 * 100}"


class FloorTask:
    """The robot on a floor."""

    def __init__(self):
        self.world = World(floor_with_robot(UNITREE_G1).compile())
        self.robot = SimulatedRobot(self.world, UNITREE_G1)

    def reset(self, seed):
        self.world.reset()
        stand_on_floor(self.world, self.robot, UNITREE_G1.default_rad, (0.0, 0.0, 0.0))
        self.world.forward()


def run_floor_twin(leash, port):
    """A plant on the floor, in real time until released."""
    task, clock = FloorTask(), MonotonicClock()
    with port, task.robot:
        plant = Plant(task, port)
        plant.reset(0, clock.now_ns())
        leash.ready()
        stamp_ns = clock.now_ns()
        while not leash.released():
            clock.wait_until(stamp_ns)
            plant.step(stamp_ns)
            stamp_ns = max(stamp_ns + TIME_STEP_NS, clock.now_ns() - 100 * TIME_STEP_NS)


@dataclass(frozen=True)
class Where:
    """A twin that another process is to reach."""

    interface: str = INTERFACE
    first: int = PORTS.first

    def robot(self, **options):
        ports = TwinPorts(first=self.first)
        grippers = GripperAddresses(state=ports.gripper_state, command=ports.gripper_command)
        return UnitreeG1(UnitreeG1Config(interface=self.interface, grippers=grippers, timeout_s=30.0, **options))


# For robots that only other processes reach: links of this process stay on its own network until it ends.
ELSEWHERE = Where(f"{INTERFACE[:-2]}50", PORTS.first + 10)


def twin_config(where=Where(), **options):
    return TwinConfig(interface=where.interface, ports=TwinPorts(first=where.first), **options)


def hold(state):
    """A stiff command that stays where it is."""
    none = np.zeros(29)
    kp, kd = ([getattr(joint, gain) for joint in UNITREE_G1.joints] for gain in ("kp_nm_rad", "kd_nm_s_rad"))
    return JointCommand(state.stamp_ns, state.joint_position_rad, none, np.array(kp), np.array(kd), none, np.ones(2))


def command_and(leash, where, ending, start="standing"):
    """Take the robot over, and end in some way once released or terminated."""
    clock = MonotonicClock()
    with where.robot(start=start) as robot:
        robot.command(hold(robot.read()))
        leash.ready()
        while not leash.released():
            clock.wait_until(clock.now_ns() + NS_PER_S // 100)
        if ending == "breaks":
            raise ZeroDivisionError


def command_until_killed():
    """What a person's script does who forgot about signals."""
    clock = MonotonicClock()
    with Where(*sys.argv[1:2], int(sys.argv[2])).robot() as robot:
        robot.command(hold(robot.read()))
        while True:
            clock.wait_until(clock.now_ns() + NS_PER_S // 100)


def script():
    """A process that commands until it is killed."""
    code = "from fakes_unitree import command_until_killed; command_until_killed()"
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parent)])
    return subprocess.Popen(
        [sys.executable, "-c", code, INTERFACE, str(PORTS.first)], env=os.environ | {"PYTHONPATH": path}
    )


def listen_idly(leash, where):
    """A link that never commands."""
    with where.robot():
        leash.ready()
        leash.wait(60.0)


def wait_for(condition, timeout_s=60.0):
    """Wait for a condition."""
    clock = MonotonicClock()
    until_ns = clock.now_ns() + round(timeout_s * NS_PER_S)
    while not condition():
        assert clock.now_ns() < until_ns
        clock.wait_until(clock.now_ns() + 5_000_000)


class FloorTwin:
    """A twin on a floor in another process, and what it says of its traffic."""

    def __init__(self, start, where=Where(), **options):
        self.faults, self.traffic_ring = make_faults_ring(), SharedRing(TRAFFIC)
        port = DdsPort(twin_config(where, start=start, **options), self.faults, self.traffic_ring)
        self.child = ChildProcess("twin", run_floor_twin, port)

    @property
    def traffic(self):
        return self.traffic_ring.newest()

    def say(self, line):
        self.faults.append(switched(self.faults.newest(), line))

    def limp(self):
        return self.traffic["commands"] > 0 and not self.traffic["stiff"]


def command_if_free(leash, where, how):
    """Connect, and once released, send a stiff command."""
    with where.robot() as robot:
        if how == "commands":
            leash.ready()
            while not leash.wait(60.0) and not leash.released():
                pass
            wait_for(robot.in_other_hands)
        robot.command(hold(robot.read()))
        leash.ready()


_STRANGER = """
import sys, time, json, os
import unitree_interface as sdk
told = os.dup(1); os.dup2(2, 1)  # the binding prints on standard output
robot = sdk.UnitreeInterface.create_g1("lo", sdk.MessageType.HG, dds_config=sys.argv[1])
def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit("nothing came")
        time.sleep(0.01)
def tell(values):
    os.write(told, (json.dumps(values) + "\\n").encode())
"""
_MOVE = """
wait_for(lambda: any(robot.read_low_state().imu.quat))
ELBOW = 18
before = robot.read_low_state()
command = robot.create_zero_command()
command.q_target = before.motor.q
target = before.motor.q[ELBOW] + 0.4
command.q_target = [*before.motor.q[:ELBOW], target, *before.motor.q[ELBOW + 1:]]
robot.write_low_command(command)
wait_for(lambda: abs(robot.read_low_state().motor.q[ELBOW] - target) < 0.1)
after = robot.read_low_state()
tell({"mode_machine": after.mode_machine, "quat": after.imu.quat, "accel": after.imu.accel,
      "temperature": after.motor.temperature[0], "voltage": after.motor.voltage[0],
      "moved": after.motor.q[ELBOW] - before.motor.q[ELBOW], "keys": robot.read_wireless_controller().keys,
      "height": robot.read_odom_state().position[2]})
command.kp = [0.0] * 29
robot.write_low_command(command)
time.sleep(0.2)
"""
_LISTEN = """
tell("listening")
wait_for(lambda: any(robot.read_incoming_command().kp))
heard = robot.read_incoming_command()
tell({"q": heard.q_target, "kp": heard.kp, "kd": heard.kd, "dq": heard.dq_target, "tau": heard.tau_ff})
wait_for(lambda: not any(robot.read_incoming_command().kp))
tell({"kd": robot.read_incoming_command().kd})
"""


def stranger(does):
    """A process that moves the twin's elbow (`move`), or tells what is commanded (`listen`), knowing nothing of hlm."""
    # The binding aborts when it is taken apart with the interpreter.
    script = _STRANGER + {"move": _MOVE, "listen": _LISTEN}[does] + "os._exit(0)"
    xml = DdsAddress.parse(INTERFACE).configuration
    return subprocess.Popen(
        [sys.executable, "-I", "-c", script, xml], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
