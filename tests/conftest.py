"""What holds for all tests: pictures without a display, and generated examples that are the same in every run."""

from contextlib import suppress

from hypothesis import settings

from hlm.cli.rendering import use_headless_rendering
from hlm.core.errors import MissingDependencyError

# Before anything imports mujoco; without a library to draw with, only the tests that look at pictures fail.
with suppress(MissingDependencyError):
    use_headless_rendering()

settings.register_profile("hlm", deadline=None, derandomize=True, database=None)
settings.load_profile("hlm")
