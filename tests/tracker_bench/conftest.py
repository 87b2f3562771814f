"""Parts of the tracker's bench, and a trajectory for them."""

import importlib
from pathlib import Path

import numpy as np
import pytest

from hlm.control.model import BodyModel
from hlm.core.clock import STEP_HZ
from hlm.core.embodiments.catalog import find_embodiment
from hlm.core.rotations import quat_from_yaw

ROOT = Path(__file__).resolve().parents[2]
EMBODIMENT = find_embodiment("unitree_g1")


@pytest.fixture(scope="module")
def part():
    """Imports a part of the bench by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "scripts" / "bench"))
        yield lambda name: importlib.import_module(f"tracker_parts.{name}")


@pytest.fixture(scope="module")
def model():
    return BodyModel(EMBODIMENT)


@pytest.fixture
def random():
    return np.random.default_rng(7)


@pytest.fixture
def trajectory(random):
    """Two seconds of a robot that turns and goes, with joints that wave."""
    time_s = np.arange(60) / STEP_HZ
    joints = EMBODIMENT.default_rad + 0.1 * np.sin(time_s[:, None] + random.uniform(0, 6, 29))
    quats = np.array([quat_from_yaw(0.5 + 0.4 * instant) for instant in time_s])
    place = np.column_stack([3.0 + 0.2 * time_s, 0.1 * time_s, np.full(60, 0.74)])
    return np.column_stack([place, quats, joints])
