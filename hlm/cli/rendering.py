"""The graphics library that MuJoCo renders with, on machines without a display."""

from __future__ import annotations

import ctypes.util
import os
from collections.abc import MutableMapping

from hlm.core.errors import MissingDependencyError

INSTALL = "sudo apt-get install -y libegl1 libgl1-mesa-dri libgles2"
_LIBRARIES = {"egl": "EGL", "osmesa": "OSMesa"}  # shared library for each value of MUJOCO_GL, the fastest first


def load_simulator() -> None:
    """Choose the graphics library, then import MuJoCo.

    Raises:
        MissingDependencyError: MuJoCo or the graphics library cannot be loaded.
    """
    chosen = use_headless_rendering()
    try:
        import mujoco  # noqa: F401
    except Exception as error:  # importing a graphics library can raise anything
        raise MissingDependencyError(
            f"MuJoCo cannot be loaded with MUJOCO_GL={chosen} ({type(error).__name__}: {error}). "
            f"Unset MUJOCO_GL, and if that does not help run: {INSTALL}"
        ) from error


def use_headless_rendering(environment: MutableMapping[str, str] = os.environ) -> str:
    """Set MUJOCO_GL for rendering without a display, unless the user has set it; call before mujoco is imported.

    Args:
        environment: environment variables of the process, changed in place.

    Returns:
        The value of MUJOCO_GL.

    Raises:
        MissingDependencyError: neither EGL nor OSMesa is installed.
    """
    if chosen := environment.get("MUJOCO_GL"):
        return chosen
    for name, library in _LIBRARIES.items():
        if ctypes.util.find_library(library):
            environment["MUJOCO_GL"] = name
            return name
    raise MissingDependencyError(
        f"rendering without a display needs EGL or OSMesa, and neither is installed. Run: {INSTALL}"
    )
