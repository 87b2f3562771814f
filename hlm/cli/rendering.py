"""Choice of MuJoCo's drawing library for machines without a display."""

from __future__ import annotations

import ctypes.util
import os
from collections.abc import MutableMapping

from hlm.core.errors import MissingDependencyError

INSTALL = "sudo apt-get install -y libegl1 libgl1-mesa-dri libgles2"
_LIBRARIES = {"egl": "EGL", "osmesa": "OSMesa"}  # value of MUJOCO_GL -> shared library


def load_simulator() -> None:
    """Choose how MuJoCo draws, then import it.

    Raises:
        MissingDependencyError: MuJoCo, or the library that it is to draw with, cannot be loaded.
    """
    chosen = use_headless_rendering()
    try:
        import mujoco  # noqa: F401
    except Exception as error:  # its choice of a library raises whatever that library's binding raises
        raise MissingDependencyError(
            f"MuJoCo cannot be loaded with MUJOCO_GL={chosen} ({type(error).__name__}: {error}). "
            f"Unset MUJOCO_GL, and if that does not help run: {INSTALL}"
        ) from error


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
