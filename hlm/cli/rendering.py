"""Choice of MuJoCo's drawing library for machines without a display."""

from __future__ import annotations

import ctypes.util
import os
from collections.abc import MutableMapping

from hlm.core.errors import MissingDependencyError

INSTALL = "sudo apt-get install -y libegl1 libgl1-mesa-dri libgles2"
_LIBRARIES = {"egl": "EGL", "osmesa": "OSMesa"}  # value of MUJOCO_GL -> shared library


def use_headless_rendering(environment: MutableMapping[str, str] = os.environ) -> str:
    """Choose how MuJoCo draws off screen; call before anything imports mujoco.

    A choice that the person made in MUJOCO_GL stands.

    Args:
        environment: the process' environment, changed in place.

    Returns:
        The value of MUJOCO_GL from now on.

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
        f"cameras need EGL or OSMesa to draw without a display, and neither is installed. Run: {INSTALL}"
    )
