"""Fakes of what a station is made of: a robot that does as it is told, and a task that is a list."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from hlm.core.clock import NS_PER_S
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.layout import unpack
from hlm.core.task import Progress, TaskInstance
from hlm.core.values import CameraFrame, JointCommand, Observation, Reference, RobotState

LEVEL = np.array([1.0, 0.0, 0.0, 0.0])
SIZE = (16, 24)


class FakeRobot:
    """Is at once where it is told to be; its measurements may be old."""

    def __init__(self, clock, old_s=0.0):
        self.clock, self.old_ns = clock, round(old_s * NS_PER_S)
        self.joints = np.array(UNITREE_G1.default_rad)
        self.opening = np.ones(2)
        self.commanded_ns = []

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def read(self):
        stamp_ns = self.clock.now_ns() - self.old_ns
        return RobotState(stamp_ns, self.joints, np.zeros(29), LEVEL, np.zeros(3), self.opening)

    def command(self, command):
        self.commanded_ns.append(command.stamp_ns)
        self.joints, self.opening = command.joint_position_rad, command.gripper_opening


class FakeCameras:
    """Grey pictures that get brighter by one each; they may be old."""

    def __init__(self, clock, old_s=0.0):
        self.clock, self.old_ns, self.taken = clock, round(old_s * NS_PER_S), 0

    def capture(self):
        self.taken += 1
        picture = np.full((*SIZE, 3), self.taken % 250, np.uint8)
        return {"head": CameraFrame(self.clock.now_ns() - self.old_ns, picture)}


class FakeTracker:
    """Commands the newest reference."""

    def __init__(self):
        self.resets, self.pushed, self.stepped_ns = 0, [], []

    def reset(self, state):
        self.resets += 1
        self.pushed, self.stepped_ns = [], []
        self.joints, self.opening = state.joint_position_rad, state.gripper_opening

    def push(self, reference):
        self.pushed.append(reference)
        self.joints, self.opening, _ = unpack(reference.vector)

    def step(self, state):
        self.stepped_ns.append(state.stamp_ns)
        nothing = np.zeros(29)
        return JointCommand(state.stamp_ns, self.joints, nothing, nothing, nothing, nothing, self.opening)


class ListSource:
    """Plays vectors, one a row; `before(row)` may do something first, such as let time pass."""

    def __init__(self, vectors, before=lambda row: None):
        self.vectors, self.before, self.row = vectors, before, 0
        self.seen: list[Observation] = []

    def reset(self, observation):
        self.row, self.seen = 0, []

    def reference(self, observation):
        self.before(self.row)
        self.seen.append(observation)
        if self.row == len(self.vectors):
            return None
        self.row += 1
        return Reference(observation.stamp_ns, self.vectors[self.row - 1])


@dataclass
class FakeTask:
    """Its progress at each row is `script(seed, row)`; privileged quantities count the rows."""

    script: Callable[[int, int], Progress] = lambda seed, row: Progress()
    name: str = "fake"
    stages: tuple[str, ...] = ("reach", "place")
    time_limit_s: float = 3.0
    resets: list[int] = field(default_factory=list)
    row: int = -1

    def reset(self, seed):
        self.row = -1
        self.resets.append(seed)
        return TaskInstance(seed=seed, candidates=("take red", "take blue"), candidate=seed % 2)

    def update(self):
        self.row += 1
        return self.script(self.resets[-1], self.row)

    def privileged(self):
        return {"candidate_in_hand_m": np.full((2, 3), self.row), "goal_in_hand_m": np.full(3, -self.row)}
