"""What is installed of what a robot needs."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from hlm.cli.diagnosis.finding import Finding, Verdict, judged

# Modules by the extra that brings them; an empty extra is hlm itself.
_NEEDS: Mapping[str, Mapping[str, str]] = {
    "mujoco": {"mujoco": "", "torch": ""},
    "unitree": {"unitree_interface": "unitree", "zmq": "", "torch": ""},
    "sonic": {"zmq": "", "torch": ""},
}


def package_findings(robot: str) -> list[Finding]:
    """Python, and the modules that a deployment on this robot imports."""
    python = Finding("python", Verdict.OK, f"{platform.python_version()} at {sys.executable}")
    return [python, *(_module(module, extra) for module, extra in _NEEDS[robot].items())]


def _module(module: str, extra: str) -> Finding:
    found = find_spec(module) is not None
    what = f"hlm[{extra}]" if extra else "hlm"
    hint = " (far-unitree-sdk has no wheel for Python 3.13 and newer)" if extra == "unitree" else ""
    return judged(
        f"package {module}",
        _version(module) if found else "not installed",
        f"{sys.executable} -m pip install '{what}'{hint}",
        bad=not found,
    )


def _version(module: str) -> str:
    names = {"unitree_interface": "far-unitree-sdk", "zmq": "pyzmq"}
    try:
        return version(names.get(module, module))
    except PackageNotFoundError:
        return "installed"
