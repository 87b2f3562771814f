"""What holds for all tests: pictures without a display, and generated examples that are the same in every run."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import settings

from hlm.cli.rendering import use_headless_rendering
from hlm.core.errors import MissingDependencyError

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
