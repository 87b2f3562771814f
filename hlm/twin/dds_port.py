"""A plant's port that speaks as a Unitree G1 does: DDS for the body, ZMQ for the grippers."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, Self

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S
from hlm.core.layout import JOINTS
from hlm.core.shared_ring import SharedRing
from hlm.core.values import JointCommand
from hlm.robots.dds.topics import Topics
from hlm.robots.unitree_link import DdsAddress, binding, open_link
from hlm.robots.unitree_messages import ImuState, LowState, checksum
from hlm.robots.unitree_state import commands_something
from hlm.sim.robot import SimulatedRobot
from hlm.sim.world import TIME_STEP_NS
from hlm.twin.config import TwinConfig
from hlm.twin.faults import FAULTS, StateFault, no_faults
from hlm.twin.gripper_server import GripperServer
from hlm.twin.rope import HOOK_M, Rope
from hlm.twin.sensors import Measured, Sensors, roll_pitch_yaw
from hlm.twin.switcher_server import SwitcherServer

TRAFFIC = np.dtype(
    [
        ("stamp_ns", np.int64),
        ("exchanges", np.int64),
        ("commands", np.int64),
        ("stiff", np.bool_),
        ("changed_ns", np.int64),
    ]
)
"""What a port has seen: exchanges with the world, distinct commands, whether the newest is stiff, and when it came."""

_VOLTAGE_V = 48.0
# Remote, odometry, grippers and the torso need not be told at every step.
_SLOW_STEPS = 10
_GRIPPER_STEPS = 5


class DdsPort:
    """Publishes what a simulated robot measures, and takes commands; implements `hlm.sim.realtime.plant.PlantPort`.

    Args:
        config: how it measures and starts.
        faults: switches, records of `hlm.twin.faults.FAULTS`.
        traffic: takes records of `TRAFFIC`.
    """

    def __init__(self, config: TwinConfig, faults: SharedRing, traffic: SharedRing) -> None:
        self._config = config
        self._faults_ring = faults
        self._traffic_ring = traffic
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Join the network.

        Raises:
            HlmError: the binding is missing, or a port is in use.
        """
        with ExitStack() as stack:
            config, sdk = self._config, binding()
            self._grippers = stack.enter_context(GripperServer(config.ports))
            self._link = open_link(DdsAddress.parse(config.interface))
            stack.callback(self._close)
            topics = Topics()
            stack.callback(topics.close)
            self._measured, self._low = topics.writer("rt/lowstate", LowState), LowState()
            self._motors = np.frombuffer(self._low, np.dtype(LowState))[0]["motor_state"][:JOINTS]
            self._torso, self._torso_imu = topics.writer("rt/secondary_imu", ImuState), ImuState()
            self._switcher = SwitcherServer(topics, config.controller)
            self._remote, self._odometry = sdk.WirelessController(), sdk.OdomState()
            self._sensors = Sensors(config.noise, config.delay_ms * 1e-3, config.seed)
            self._set(no_faults())
            self._faults_seen, self._push_ends_ns = 0, 0
            self._pushed = False
            self._traffic = np.zeros(1, TRAFFIC)
            self._heard: tuple[Any, ...] = ()
            self._rope: Rope | None = None
            self._wanted: FloatArray | None = None
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception: object) -> None:
        """Leave the network."""
        self._stack.close()

    def exchange(self, robot: SimulatedRobot, stamp_ns: int) -> JointCommand | None:
        """Publish what the robot measures, and take the newest command, if it is another than before.

        Raises:
            SimulationError: the world blew up; nothing is published any more.
        """
        self._switch(stamp_ns)
        measured = self._sensors.measure(robot)
        if self._faults["state"] != StateFault.STOPPED:
            if self._faults["state"] != StateFault.FROZEN:
                self._fill(measured, stamp_ns)
            self._measured.write(self._low)
        if self._traffic["exchanges"][0] % _SLOW_STEPS == 0:
            self._tell_slowly(robot, measured)
        self._pull(robot, stamp_ns)
        command = self._received(stamp_ns, measured)
        self._traffic["exchanges"] += 1
        self._traffic["stamp_ns"] = stamp_ns
        self._traffic_ring.append(self._traffic[0])
        return command

    def _switch(self, stamp_ns: int) -> None:
        if self._faults_ring.written == self._faults_seen:
            return
        self._faults_seen = self._faults_ring.written
        newest = self._faults_ring.newest()
        if newest is not None:
            if newest["pushes"] != self._faults["pushes"]:
                self._push_ends_ns = stamp_ns + round(float(newest["push_s"]) * NS_PER_S)
            self._set(newest)

    def _set(self, faults: np.void) -> None:
        self._faults = faults
        motors = self._motors
        motors["mode"] = ~faults["dead"]
        motors["temperature"] = faults["temperature_c"][:, None]
        motors["vol"] = np.where(faults["dead"], 0.0, _VOLTAGE_V)
        motors["motorstate"] = faults["fault_code"]

    def _fill(self, measured: Measured, stamp_ns: int) -> None:
        low, motors, faults = self._low, self._motors, self._faults
        motors["q"], motors["dq"], motors["tau_est"] = (
            measured.position_rad,
            measured.velocity_rad_s,
            measured.torque_nm,
        )
        pelvis_rad, torso_rad = faults["tilted_rad"].tolist()
        _orient(low.imu_state, measured.quat_wxyz, pelvis_rad)
        low.imu_state.gyroscope[:] = measured.angular_velocity_rad_s.tolist()
        low.imu_state.accelerometer[:] = measured.acceleration_m_s2.tolist()
        low.mode_machine = int(faults["mode_machine"])
        low.tick = stamp_ns // 1_000_000 & 0xFFFFFFFF
        low.crc = checksum(low)
        _orient(self._torso_imu, measured.torso_quat_wxyz, torso_rad)

    def _tell_slowly(self, robot: SimulatedRobot, measured: Measured) -> None:
        self._remote.keys = int(self._faults["keys"])
        self._link.publish_wireless_controller(self._remote)
        self._switcher.serve(self._low)
        if self._faults["state"] != StateFault.STOPPED and not self._faults["torso_silent"]:
            self._torso.write(self._torso_imu)
        position, quat = robot.true_base()
        self._odometry.position, self._odometry.quat = position.tolist(), quat.tolist()
        self._link.publish_odom_state(self._odometry)
        if not self._faults["grippers_silent"]:
            self._grippers.tell(measured.gripper_opening)

    def _pull(self, robot: SimulatedRobot, stamp_ns: int) -> None:
        """What acts from outside: pushes on the pelvis, and the rope."""
        pushed = stamp_ns < self._push_ends_ns
        if pushed or self._pushed:
            robot.push(np.array(self._faults["push_n"]) if pushed else np.zeros(3), np.zeros(3))
            self._pushed = pushed
        if self._config.start == "hanging":
            hook_m = robot.torso_point_m(HOOK_M)
            self._rope = self._rope or Rope(hook_m)
            force = self._rope.pull(hook_m, TIME_STEP_NS / NS_PER_S, float(self._faults["lowered_m"]))
            robot.pull(HOOK_M, np.zeros(3) if self._faults["slack"] else force)

    def _received(self, stamp_ns: int, measured: Measured) -> JointCommand | None:
        """The newest command, None if there is no other than before."""
        if self._faults["cut"] or self._switcher.controller:
            return None
        message = self._link.read_incoming_command()
        if self._traffic["exchanges"][0] % _GRIPPER_STEPS == 0:
            self._wanted = self._grippers.wanted()
        wanted = self._wanted
        opening = measured.gripper_opening if wanted is None else wanted
        heard = (
            message.q_target, message.dq_target, message.kp, message.kd, message.tau_ff,
            None if wanted is None else wanted.tobytes(), self._faults["dead"].tobytes(),
        )  # fmt: skip
        if heard == self._heard or not (self._heard or self._begins(message)):
            return None
        self._heard = heard
        if commands_something(message):
            self._traffic["commands"] += 1
            self._traffic["stiff"] = any(message.kp)
            self._traffic["changed_ns"] = stamp_ns
        return self._command(message, stamp_ns, opening)

    def _begins(self, message: Any) -> bool:
        """Whether a command may be the first: motors of a robot that stands wait for stiffness."""
        return any(message.kp) if self._config.start == "standing" else commands_something(message)

    def _command(self, message: Any, stamp_ns: int, opening: FloatArray) -> JointCommand:
        alive = ~self._faults["dead"]
        values = (message.q_target, message.dq_target, message.kp, message.kd, message.tau_ff)
        position, velocity, kp, kd, torque = (np.array(value[:JOINTS]) for value in values)
        command = JointCommand(stamp_ns, position, velocity, kp, kd, torque, opening)
        if alive.all():
            return command
        return replace(command, kp_nm_rad=kp * alive, kd_nm_s_rad=kd * alive, torque_nm=torque * alive)

    def _close(self) -> None:
        self._link = None


def _orient(imu: ImuState, quat_wxyz: FloatArray, pitched_rad: float) -> None:
    """Write an orientation into a message, pitched by so much."""
    if pitched_rad:
        w, x, y, z = quat_wxyz.tolist()
        cosine, sine = math.cos(0.5 * pitched_rad), math.sin(0.5 * pitched_rad)
        quat_wxyz = np.array(
            [w * cosine - y * sine, x * cosine - z * sine, y * cosine + w * sine, z * cosine + x * sine]
        )
    imu.quaternion[:] = quat_wxyz.tolist()
    imu.rpy[:] = roll_pitch_yaw(quat_wxyz)


def make_faults_ring() -> SharedRing:
    """A ring of switches with everything well."""
    ring = SharedRing(FAULTS)
    ring.append(no_faults())
    return ring
