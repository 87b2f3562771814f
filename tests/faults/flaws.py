"""What can be wrong with the parts of a station from one instant on; each stands around the real part."""

from dataclasses import replace

import mujoco
import numpy as np

from hlm.cameras.image_checks import ImageChecks, ImageWatch
from hlm.core.clock import NS_PER_S
from hlm.core.errors import HlmError, LostError
from hlm.core.values import ActionChunk, CameraFrame
from hlm.runtime.chunks.asking import Status
from hlm.runtime.chunks.delayed_policy import DelayedPolicy


class FlawedCameras:
    """Cameras whose images are changed from an instant on, seen as a camera's own process passes them on.

    Args:
        cameras: the real ones.
        clock: the session's.
        from_ns: when it begins.
        flaw: images by name, and the last good ones, to those that are delivered.
    """

    def __init__(self, cameras, clock, from_ns, flaw):
        self.cameras, self.clock, self.from_ns, self.flaw = cameras, clock, from_ns, flaw
        self.watches, self.good, self.wrong = {}, {}, {}

    def __enter__(self):
        self.cameras.__enter__()
        return self

    def __exit__(self, *exception):
        return self.cameras.__exit__(*exception)

    def capture(self):
        frames = self.cameras.capture()
        if self.clock.now_ns() < self.from_ns:
            self.good = frames
        else:
            frames = self.flaw(frames, self.good)
        for name in frames:
            self.watches.setdefault(name, ImageWatch(ImageChecks()))
        self.wrong = {name: self.watches[name].fault(frame) for name, frame in frames.items()}
        return {name: frame for name, frame in frames.items() if not self.wrong[name]}

    def faults(self):
        return {name: fault for name, fault in self.wrong.items() if fault}


def frozen_with_its_stamp(frames, good):
    return frames | {"head": good["head"]}


def frozen_with_new_stamps(frames, good):
    return frames | {"head": CameraFrame(frames["head"].stamp_ns, good["head"].image)}


def gone(frames, good):
    return {name: frame for name, frame in frames.items() if name != "head"}


def failing(frames, good):
    raise OSError("no such device")


def black(frames, good):
    rng = np.random.default_rng(frames["head"].stamp_ns)
    noise = rng.integers(0, 4, frames["head"].image.shape, np.uint8)
    return frames | {"head": CameraFrame(frames["head"].stamp_ns, noise)}


def swapped(frames, good):
    names = {"head": "right_wrist", "right_wrist": "head"}
    return {name: frames[names.get(name, name)] for name in frames}


class FlawedPolicy:
    """A policy whose chunks are changed from an instant on.

    Args:
        policy: the real one.
        clock: the session's.
        from_ns: when it begins.
        flaw: what becomes of a chunk.
    """

    def __init__(self, policy, clock, from_ns, flaw):
        self.policy, self.clock, self.from_ns, self.flaw = policy, clock, from_ns, flaw
        self.spec = policy.spec

    def reset(self, seed, chunks=0):
        self.policy.reset(seed, chunks)

    def chunk(self, observation, prefix=None):
        chunk = self.policy.chunk(observation, prefix)
        return self.flaw(chunk) if self.clock.now_ns() >= self.from_ns else chunk


class AskedElsewhere(DelayedPolicy):
    """Asks a policy as one in a process of its own is asked: it takes 0.1 s, and what goes wrong is a status.

    Args:
        policy: the policy.
        clock: the session's.
        from_ns: when its answers begin to take `slow_s`.
        slow_s: how long they take then.
    """

    def __init__(self, policy, clock, from_ns, slow_s=0.1):
        super().__init__(policy, clock, 0.1)
        self.from_ns, self.slow_s, self.error = from_ns, slow_s, ""

    def request(self, observation, prefix=None):
        self.error = ""
        if self._clock.now_ns() >= self.from_ns:
            self._delay_s = self.slow_s
        try:
            super().request(observation, prefix)
        except HlmError as error:
            self.error = str(error)

    def poll(self):
        poll = super().poll()
        return replace(poll, status=Status.FAILED, error=self.error) if self.error else poll


def lost(why):
    """No answer any more, as a `PolicyProcess` and a `PolicyClient` say it."""

    def flaw(chunk):
        raise LostError(why)

    return flaw


def not_numbers(chunk):
    actions = np.array(chunk.actions)
    actions[20:, 3] = np.nan
    return ActionChunk(chunk.stamp_ns, chunk.rate_hz, actions)


def wrong_shape(chunk):
    return ActionChunk(chunk.stamp_ns, chunk.rate_hz, np.zeros((50, 33)))


def huge(chunk):
    return ActionChunk(chunk.stamp_ns, chunk.rate_hz, 1e6 * (chunk.actions + 0.1))


def jumping(chunk):
    jump = np.random.default_rng(chunk.stamp_ns % 1000).uniform(-1.0, 1.0, chunk.actions.shape[1])
    steps = np.arange(len(chunk.actions))[:, None] % 2
    return ActionChunk(chunk.stamp_ns, chunk.rate_hz, chunk.actions + jump * steps)


class FlawedRobot:
    """A robot whose measurements are changed from an instant on, and a log of what the body was doing at each command.

    Args:
        robot: the real one.
        clock: the session's.
        from_ns: when it begins.
        flaw: from the measurement and the last good one to that which is given.
    """

    def __init__(self, robot, clock, from_ns, flaw=lambda state, good: state):
        self.robot, self.clock, self.from_ns, self.flaw = robot, clock, from_ns, flaw
        self.good, self.on_command = None, lambda: None

    def __enter__(self):
        self.robot.__enter__()
        return self

    def __exit__(self, *exception):
        return self.robot.__exit__(*exception)

    def read(self):
        state = self.robot.read()
        if self.clock.now_ns() < self.from_ns:
            self.good = state
            return state
        return self.flaw(state, self.good)

    def command(self, command):
        self.robot.command(command)
        self.on_command()


def old_state(state, good):
    return good


def repeated_state(state, good):
    return replace(good, stamp_ns=state.stamp_ns)


def mute(state, good):
    raise TimeoutError("the robot has not answered for 50 ms")


def broken_encoder(state, good):
    joints = np.array(state.joint_position_rad)
    joints[3] = np.nan
    return replace(state, joint_position_rad=joints)


def hot(state, good):
    return replace(state, motor_temperature_c=np.where(np.arange(29) == 3, 140.0, 40.0))


def faulty(state, good):
    return replace(state, motor_fault=np.where(np.arange(29) == 3, 4.0, 0.0))


def torso_lies(state, good):
    return replace(state, quat_world_from_torso_wxyz=np.array([np.cos(0.6), 0.0, np.sin(0.6), 0.0]))


def push(world, force_n, duration_s, from_ns):
    """Push the robot's pelvis to the front, as a hook of the world."""
    pelvis = mujoco.mj_name2id(world.model, mujoco.mjtObj.mjOBJ_BODY, "pelvis")

    def apply():
        inside = from_ns <= world.now_ns() < from_ns + duration_s * NS_PER_S
        world.data.xfrc_applied[pelvis, 0] = force_n if inside else 0.0

    return apply


class Pushes:
    """A robot in a world in which it is pushed; the world calls one hook a step, which is the motors'."""

    def __init__(self, robot, world, force_n, duration_s, from_ns):
        self.robot, self.world = robot, world
        self.push = push(world, force_n, duration_s, from_ns)

    def __enter__(self):
        self.robot.__enter__()
        actuate = self.world._before_step
        self.world.before_step(lambda: (self.push(), actuate()))
        return self

    def __exit__(self, *exception):
        return self.robot.__exit__(*exception)

    def read(self):
        return self.robot.read()

    def command(self, command):
        self.robot.command(command)
