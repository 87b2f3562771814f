"""Fakes of what a station is made of: a robot that does as it is told, and a task that is a list."""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from hlm.control.tracker.admission import Admission
from hlm.core.clock import NS_PER_S
from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import InputError, MismatchError
from hlm.core.layout import unpack
from hlm.core.policy import PolicySpec
from hlm.core.task import Progress, TaskInstance
from hlm.core.values import ActionChunk, CameraFrame, JointCommand, Observation, Reference, RobotState
from hlm.runtime.bodies.lockstep import LockstepBody, LockstepConfig

LEVEL = np.array([1.0, 0.0, 0.0, 0.0])
SIZE = (16, 24)


class SteppedClock:
    """A clock that moves only when it is told to."""

    def __init__(self, start_ns=0):
        self._now_ns = start_ns

    def now_ns(self):
        return self._now_ns

    def wait_until(self, due_ns):
        self._now_ns = max(self._now_ns, due_ns)


class FakeRobot:
    """Is at once where it is told to be; its measurements may be old."""

    def __init__(self, clock, old_s=0.0):
        self.clock, self.old_ns = clock, round(old_s * NS_PER_S)
        self.joints = np.array(UNITREE_G1.default_rad)
        self.opening = np.ones(2)
        self.commands = []
        self.entered = self.measured = 0
        self.broken = None

    def __enter__(self):
        self.entered += 1
        return self

    def __exit__(self, *exception):
        self.entered -= 1

    @property
    def commanded_ns(self):
        return [command.stamp_ns for command in self.commands]

    def read(self):
        if self.broken is not None:
            raise self.broken
        stamp_ns = self.clock.now_ns() - self.old_ns
        self.measured += 1  # no gyroscope is without noise
        return RobotState(stamp_ns, self.joints, np.zeros(29), LEVEL, np.full(3, 1e-12 * self.measured), self.opening)

    def command(self, command):
        self.commands.append(command)
        self.joints, self.opening = command.joint_position_rad, command.gripper_opening


class FakeCameras:
    """Grey images that get brighter by one each; they may be old."""

    def __init__(self, clock, old_s=0.0):
        self.clock, self.old_ns, self.taken = clock, round(old_s * NS_PER_S), 0
        self.entered, self.dead = 0, False

    def __enter__(self):
        self.entered += 1
        return self

    def __exit__(self, *exception):
        self.entered -= 1

    def capture(self):
        if self.dead:
            return {}
        self.taken += 1
        image = np.full((*SIZE, 3), self.taken % 250, np.uint8)
        return {"head": CameraFrame(self.clock.now_ns() - self.old_ns, image)}


class FakeTracker:
    """Commands the newest reference; refuses what every tracker does."""

    def __init__(self):
        self.admission, self.measured_ns = Admission(UNITREE_G1), 0
        self.resets, self.pushed, self.stepped_ns, self.broken = 0, [], [], None

    def reset(self, state):
        self.admission.must_be_measurement(state)
        self.resets, self.measured_ns = self.resets + 1, state.stamp_ns
        self.pushed, self.stepped_ns = [], []
        self.joints, self.opening = state.joint_position_rad, state.gripper_opening

    def push(self, reference):
        if self.pushed and reference.stamp_ns <= self.pushed[-1].stamp_ns:
            raise InputError("references must come in order.")
        if not np.isfinite(reference.vector).all():
            raise InputError("references must be finite.")
        self.admission.must_be_reference(reference, self.measured_ns)
        self.pushed.append(reference)
        self.joints, self.opening, _ = unpack(reference.vector)

    def step(self, state):
        if self.broken is not None:
            raise self.broken
        self.admission.must_follow(state, self.measured_ns)
        self.admission.must_stand(state)
        self.measured_ns = state.stamp_ns
        self.stepped_ns.append(state.stamp_ns)
        nothing = np.zeros(29)
        return JointCommand(state.stamp_ns, self.joints, nothing, nothing, nothing, nothing, self.opening)


class ListSource:
    """Plays vectors, one a step; `before(step)` may do something first, such as let time pass."""

    def __init__(self, vectors, before=lambda step: None):
        self.vectors, self.before, self.step = vectors, before, 0
        self.seen: list[Observation] = []

    def reset(self, observation):
        self.step, self.seen = 0, []

    def reference(self, observation):
        self.before(self.step)
        self.seen.append(observation)
        if self.step == len(self.vectors):
            return None
        self.step += 1
        return Reference(observation.stamp_ns, self.vectors[self.step - 1])


@dataclass
class FakeTask:
    """Its progress at each step is `script(seed, step)`; privileged quantities count the steps."""

    script: Callable[[int, int], Progress] = lambda seed, step: Progress()
    name: str = "fake"
    stages: tuple[str, ...] = ("reach", "place")
    time_limit_s: float = 3.0
    resets: list[int] = field(default_factory=list)
    step: int = -1

    def reset(self, seed):
        self.step = -1
        self.resets.append(seed)
        return TaskInstance(seed=seed, candidates=("take red", "take blue"), candidate=seed % 2)

    def update(self):
        self.step += 1
        return self.script(self.resets[-1], self.step)

    def privileged(self):
        return {"candidate_in_hand_m": np.full((2, 3), self.step), "goal_in_hand_m": np.full(3, -self.step)}


@dataclass
class FakeRig:
    """The fakes that a station is made of, with a lockstep body around robot and tracker."""

    clock: SteppedClock
    robot: FakeRobot
    cameras: FakeCameras
    tracker: FakeTracker
    body: LockstepBody

    @classmethod
    def make(cls, robot_old_s=0.0, camera_old_s=0.0, control_hz=100.0):
        clock = SteppedClock()
        robot, tracker = FakeRobot(clock, robot_old_s), FakeTracker()
        body = LockstepBody(robot, tracker, clock, UNITREE_G1, LockstepConfig(control_hz=control_hz))
        return cls(clock, robot, FakeCameras(clock, camera_old_s), tracker, body)


POLICY_SPEC = PolicySpec(
    policy_type="fake",
    embodiment="unitree_g1",
    rate_hz=30.0,
    cameras=("head", "right_wrist"),
    image_size=(8, 12),
    horizon=6,
    execution_horizon=3,
    optional_cameras=("right_wrist",),
    origin="runs/fake",
)


class FakePolicy:
    """Answers with actions that name the observation: action t is its state plus t.

    Attributes:
        calls: every observation and prefix.
        gate: chunks wait for it; open by default.
        entered: set when a chunk is begun.
        error: raised in place of a chunk.
        noise: seed, and chunks since, of the noise that each chunk was made from.
        next_noise: the same of the next chunk.
    """

    patience_s = 10.0

    def __init__(self, **spec):
        self.spec = replace(POLICY_SPEC, **spec)
        self.calls, self.noise, self.error = [], [], None
        self.next_noise = None, 0
        self.gate, self.entered = threading.Event(), threading.Event()
        self.gate.set()

    def reset(self, seed, chunks=0):
        self.next_noise = seed, chunks

    def chunk(self, observation, prefix=None):
        if prefix is not None and not self.spec.continues_chunks:
            raise MismatchError("the policy cannot continue a chunk.")
        for name in self.spec.cameras:
            if name not in observation.frames and name not in self.spec.optional_cameras:
                raise MismatchError(f"the policy needs camera {name}.")
        self.calls.append((observation, prefix))
        self.noise.append(self.next_noise)
        self.next_noise = self.next_noise[0], self.next_noise[1] + 1
        self.entered.set()
        assert self.gate.wait(self.patience_s)
        if self.error is not None:
            raise self.error
        actions = observation.state + np.arange(self.spec.horizon)[:, None]
        if prefix is not None:
            actions[: prefix.delay] = prefix.actions[: prefix.delay]
        return ActionChunk(observation.stamp_ns, self.spec.rate_hz, actions)


def kill_at_first(seed):
    """A rollout for worker processes: seed 0 kills its process after a moment, 1 is done at once, others never end."""
    if seed == 0:
        threading.Event().wait(0.5)
        os.kill(os.getpid(), signal.SIGKILL)
    if seed > 1:
        threading.Event().wait()
    return seed


def never_end(folder, seed):
    """A rollout for worker processes, which leaves the number of its process, and never ends."""
    (folder / f"{seed}.part").write_text(str(os.getpid()))
    (folder / f"{seed}.part").rename(folder / str(seed))
    threading.Event().wait()


def fail_at_first(folder, seed):
    """A rollout for worker processes, which leaves a file: seed 0 fails, the others take a while."""
    (folder / str(seed)).touch()
    if seed == 0:
        raise InputError("seed 0 went wrong")
    threading.Event().wait(0.3)
    return seed
