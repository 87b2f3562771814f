"""Which graphics library MuJoCo renders with on machines without a display, and what to do when it does not.

Nothing here imports MuJoCo, which reads the environment when it is imported.
"""

from __future__ import annotations

import ctypes.util
import os
from collections.abc import Mapping, MutableMapping

from hlm.core.errors import InputError, MissingDependencyError

INSTALL = "sudo apt-get install -y libegl1 libgl1-mesa-dri libgles2"
_LIBRARIES = {"egl": "EGL", "osmesa": "OSMesa"}  # shared library for each value of MUJOCO_GL, the fastest first
_WITHOUT_RENDERING = ("disable", "disabled", "off", "false", "0")
_KNOWN = (*_LIBRARIES, "glfw")
# What MuJoCo's choice, or the library's, depends on.
_VARIABLES = ("MUJOCO_GL", "PYOPENGL_PLATFORM", "MUJOCO_EGL_DEVICE_ID", "EGL_PLATFORM", "LIBGL_ALWAYS_SOFTWARE")


def use_headless_rendering(environment: MutableMapping[str, str] = os.environ) -> str:
    """Set MUJOCO_GL for rendering without a display, unless the user has set it; call before mujoco is imported.

    Args:
        environment: environment variables of the process, changed in place.

    Returns:
        The value of MUJOCO_GL.

    Raises:
        InputError: a variable has a value that cannot render, or two contradict each other.
        MissingDependencyError: neither EGL nor OSMesa is installed.
    """
    chosen = environment.get("MUJOCO_GL") or _installed(environment.get("PYOPENGL_PLATFORM"))
    _check(chosen.strip().lower(), environment)
    environment["MUJOCO_GL"] = chosen
    return chosen


def advice(environment: Mapping[str, str] = os.environ) -> str:
    """What to do when images cannot be rendered: first doubt the variables that are set, then the libraries."""
    chosen = environment.get("MUJOCO_GL", "")
    # What `use_headless_rendering` sets as a rule, and what MuJoCo sets itself.
    usual = {"MUJOCO_GL": "egl", "PYOPENGL_PLATFORM": chosen}
    doubtful = [name for name in _VARIABLES if environment.get(name, "") not in ("", usual.get(name))]
    if doubtful:
        names = " and ".join(f"{name} (now '{environment[name]}')" for name in doubtful)
        return f"Unset {names}, and if that does not help run: {INSTALL}"
    return f"Install a software GL library: {INSTALL}"


def _installed(platform: str | None) -> str:
    """The fastest library that is installed; PyOpenGL's, if the user has chosen that."""
    installed = [name for name, library in _LIBRARIES.items() if ctypes.util.find_library(library)]
    if not installed:
        raise MissingDependencyError(
            f"rendering without a display needs EGL or OSMesa, and neither is installed. Run: {INSTALL}"
        )
    if platform and platform not in installed:
        raise InputError(
            f"PYOPENGL_PLATFORM={platform} cannot render without a display here. Unset PYOPENGL_PLATFORM; hlm finds "
            "the library by itself."
        )
    return platform or installed[0]


def _check(chosen: str, environment: Mapping[str, str]) -> None:
    told = environment.get("MUJOCO_GL")
    if chosen in _WITHOUT_RENDERING:
        raise InputError(
            f"MUJOCO_GL={told} switches rendering off, which cameras need. Unset MUJOCO_GL, or set it to egl."
        )
    if chosen not in _KNOWN:
        raise InputError(f"MUJOCO_GL={told} is no graphics library. Unset MUJOCO_GL, or set it to {', '.join(_KNOWN)}.")
    if chosen == "glfw" and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        raise InputError(
            f"MUJOCO_GL={told} needs a display, and DISPLAY is not set. Unset MUJOCO_GL, or set MUJOCO_GL=egl."
        )
    platform = environment.get("PYOPENGL_PLATFORM")
    if platform and chosen in _LIBRARIES and platform.lower() != chosen:
        raise InputError(f"PYOPENGL_PLATFORM={platform} contradicts MUJOCO_GL={told}. Unset it, or set it to {chosen}.")
    device = environment.get("MUJOCO_EGL_DEVICE_ID")
    if device and chosen == "egl" and not device.isdecimal():
        raise InputError(
            f"MUJOCO_EGL_DEVICE_ID={device} is not the number of a device. Unset MUJOCO_EGL_DEVICE_ID, or set it to 0."
        )
