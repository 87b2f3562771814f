"""What holds for all tests: pictures without a display, and generated examples that are the same in every run."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeRig, FakeRobot, FakeTask, ListSource, SteppedClock
from hypothesis import settings

from hlm.core.embodiments.unitree_g1 import UNITREE_G1
from hlm.core.errors import MissingDependencyError
from hlm.core.layout import RIGHT_ARM
from hlm.core.proprioception import measured_state
from hlm.runtime.station import Station
from hlm.sim.graphics import use_headless_rendering

# A shell that starts the tests in the background, or nohup, makes them ignore signals, and every child inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Before anything imports mujoco; without a library to draw with, only the tests that look at pictures fail.
with suppress(MissingDependencyError):
    use_headless_rendering()

settings.register_profile("hlm", deadline=None, derandomize=True, database=None)
settings.load_profile("hlm")


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """An empty file system of half a megabyte; only root may make one."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def unwritable() -> Callable[..., AbstractContextManager[None]]:
    """Makes folders in which nothing can be made, renamed or deleted, also by root."""

    @contextmanager
    def protected(*folders: Path) -> Iterator[None]:
        lock, unlock = (["chattr", "+i"], ["chattr", "-i"]) if os.geteuid() == 0 else (["chmod", "-w"], ["chmod", "+w"])
        try:
            if subprocess.run([*lock, *folders], check=False, capture_output=True).returncode:
                pytest.skip("folders cannot be protected from root on this file system")
            yield
        finally:
            subprocess.run([*unlock, *folders], check=False, capture_output=True)

    return protected


@pytest.fixture
def make_rig():
    """The fakes of a station, with what `FakeRig.make` takes."""
    return FakeRig.make


@pytest.fixture
def vectors():
    """A reach of the right arm over `count` steps, within all limits."""

    def make(count):
        ramp = np.zeros((count, 34))
        ramp[:, RIGHT_ARM.start] = 0.002 * np.arange(count)
        return measured_state(FakeRobot(SteppedClock()).read(), None)[0] + ramp

    return make


@pytest.fixture
def make_source(vectors):
    """A source that plays the reach of `count` steps, with what `ListSource` takes."""
    return lambda count, before=lambda step: None: ListSource(vectors(count), before)


@pytest.fixture
def make_station(make_rig, vectors):
    """An entered station of fakes whose source plays `steps` steps; its task, if any, takes what is `chosen`."""
    with ExitStack() as stack:

        def make(steps=20, before=lambda step: None, rig=None, task=FakeTask, **chosen):
            rig = make_rig() if rig is None else rig
            station = Station(
                clock=rig.clock,
                body=rig.body,
                cameras=rig.cameras,
                embodiment=UNITREE_G1,
                make_source=lambda instance: ListSource(vectors(steps) + 1e-4 * (instance.seed or 0), before),
                task=None if task is None else task(**chosen),
                preview_s=0.2,
            )
            return stack.enter_context(station)

        yield make
