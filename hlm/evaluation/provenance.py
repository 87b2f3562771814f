"""Provenance of results: versions and machine, for reports."""

from __future__ import annotations

import os
import platform
from importlib import metadata

PACKAGES = ("hlm", "torch", "mujoco", "numpy", "zarr")


def versions(packages: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Version of Python and of each package, by name; `not installed` where one is missing. Imports none of them."""
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def machine() -> str:
    """The machine in a few words: system, processor, cores that this process may use."""
    return f"{platform.system()} {platform.machine()}, {len(os.sched_getaffinity(0))} cores"


def version(package: str) -> str:
    """Version of a package; `not installed` if it is missing. Does not import it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
