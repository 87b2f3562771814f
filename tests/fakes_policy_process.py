"""Policies for processes of their own, where a process that is spawned can import them."""

import os
import signal
import threading
from contextlib import contextmanager

import numpy as np
from fakes import FakePolicy

from hlm.core.errors import InputError
from hlm.core.values import ActionChunk

HANGS, DIES, REFUSES, BREAKS, NOT_FINITE, TOO_LONG, ANOTHER_TIME, SHAPELESS = range(101, 109)


class StrangePolicy(FakePolicy):
    """Does what the first number of the state says, and otherwise as `FakePolicy`; names its noise in the last one."""

    def chunk(self, observation, prefix=None):
        what, stamp_ns, rate_hz = observation.state[0], observation.stamp_ns, self.spec.rate_hz
        actions = super().chunk(observation, prefix).actions.copy()
        if what == HANGS:
            threading.Event().wait()
        if what == DIES:
            os.kill(os.getpid(), signal.SIGKILL)
        if what == REFUSES:
            raise InputError("no such\nword.")
        if what == BREAKS:
            raise ValueError("a bug")
        if what == NOT_FINITE:
            actions[2, 3] = np.nan
        if what == TOO_LONG:
            actions = np.tile(actions, (2, 1))
        if what == ANOTHER_TIME:
            stamp_ns += 1
        if what == SHAPELESS:
            actions = actions[:, :20]
        seed, chunks = self.noise[-1]
        actions[:, -1] = -1.0 if seed is None else 1000 * seed + chunks
        return ActionChunk(stamp_ns, rate_hz, actions)


@contextmanager
def open_strange(**spec):
    yield StrangePolicy(**spec)


@contextmanager
def open_none():
    raise InputError("there is no such policy.")
    yield


def hang_until_killed():
    """A program that asks a policy which hangs, tells its process id, and waits."""
    import sys

    from fakes import POLICY_SPEC

    from hlm.core.layout import DIMENSIONS
    from hlm.core.values import CameraFrame, Observation
    from hlm.runtime.policy_process import PolicyProcess

    frames = {name: CameraFrame(0, np.zeros((8, 12, 3), np.uint8)) for name in POLICY_SPEC.cameras}
    images = dict.fromkeys(POLICY_SPEC.cameras, (8, 12))
    with PolicyProcess(open_strange, POLICY_SPEC, images, "wait") as policy:
        policy.request(Observation(0, np.full(DIMENSIONS, float(HANGS)), frames, "wait"))
        sys.stdout.write(f"{policy.pid}\n")
        sys.stdout.flush()
        threading.Event().wait()
