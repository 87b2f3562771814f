"""Robots and trackers for bodies in processes of their own, where a process that is spawned can import them."""

from functools import partial
from typing import NamedTuple

import numpy as np
from fakes import FakeRobot, FakeTracker

from hlm.core.clock import MonotonicClock
from hlm.core.errors import InputError
from hlm.core.records import dtype_of, from_record, to_record
from hlm.core.shared_ring import SharedRing
from hlm.core.values import JointCommand, RobotState
from hlm.runtime.safety.config import SafetyConfig

BREAK = np.dtype([("error", "S100"), ("state", dtype_of(RobotState))])
QUICK = SafetyConfig(stop_hold_s=0.3, crouch_s=0.3)
"""Comes to rest soon, for robots that cannot fall."""


class Strings(NamedTuple):
    """What a test sees of a robot in another process, and how it breaks it."""

    commands: SharedRing
    breaks: SharedRing

    @classmethod
    def make(cls):
        return cls(SharedRing(dtype_of(JointCommand), slots=4096), SharedRing(BREAK))

    def break_robot(self, result):
        """Let `read` raise an error, or give the same state for ever."""
        records = np.zeros(1, BREAK)
        if isinstance(result, Exception):
            records["error"] = str(result).encode()
        else:
            records["state"][0] = to_record(result)
        self.breaks.append(records[0])


class StringRobot:
    """A robot that a test in another process watches and breaks."""

    def __init__(self, make_robot, strings):
        self.robot, self.strings = make_robot(), strings

    def __enter__(self):
        self.robot.__enter__()
        return self

    def __exit__(self, *exception):
        self.robot.__exit__(*exception)

    def read(self):
        broken = self.strings.breaks.newest()
        if broken is None or broken["error"].startswith(b"press "):
            return self.robot.read()
        if broken["error"]:
            raise ConnectionError(bytes(broken["error"]).decode())
        return from_record(RobotState, broken["state"])

    def operator_stop(self):
        broken = self.strings.breaks.newest()
        error = b"" if broken is None else bytes(broken["error"])
        return error.removeprefix(b"press ").decode() if error.startswith(b"press ") else ""

    def command(self, command):
        self.robot.command(command)
        self.strings.commands.append(to_record(command))


class Commands:
    """The commands in a ring as a list."""

    def __init__(self, ring):
        self.ring = ring

    def __len__(self):
        return self.ring.written

    def __getitem__(self, index):
        if index != -1:
            raise IndexError
        return from_record(JointCommand, self.ring.newest())


def fake_robot(strings):
    return StringRobot(partial(FakeRobot, MonotonicClock()), strings)


class StiffTracker(FakeTracker):
    """Commands the newest reference with stiffness."""

    def step(self, state):
        command = super().step(state)
        return JointCommand(
            command.stamp_ns,
            command.joint_position_rad,
            command.joint_velocity_rad_s,
            np.full(29, 50.0),
            np.ones(29),
            command.torque_nm,
            command.gripper_opening,
        )


def refuse():
    raise InputError("there is no robot.")
