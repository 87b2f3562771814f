"""Distances between a robot's own parts, and how they change."""

import numpy as np
import pytest

from hlm.control.model import BodyModel
from hlm.control.self_distance import SelfDistance
from hlm.core.embodiments.unitree_g1 import UNITREE_G1

MODEL = BodyModel(UNITREE_G1)
STEP_RAD = 1e-5


@pytest.mark.parametrize("seed", range(5))
def test_gradients_are_finite_differences(seed):
    random = np.random.default_rng(seed)
    distance = SelfDistance(MODEL, legs=True)
    joints = np.clip(UNITREE_G1.default_rad + 0.4 * random.normal(size=29), UNITREE_G1.lower_rad, UNITREE_G1.upper_rad)
    gaps = distance.gaps(joints, 1.0)
    nearest = int(np.argmin(gaps.distance_m))
    assert gaps.distance_m[nearest] == pytest.approx(distance.smallest_m(joints), abs=1e-12)
    differences = [
        (distance.smallest_m(joints + step) - distance.smallest_m(joints - step)) / (2.0 * STEP_RAD)
        for step in STEP_RAD * np.eye(29)
    ]
    np.testing.assert_allclose(gaps.gradient_m_rad[nearest], differences, atol=1e-6)


def test_pairs_that_are_far_are_left_out():
    distance = SelfDistance(MODEL)
    far = distance.gaps(UNITREE_G1.default_rad, distance.smallest_m(UNITREE_G1.default_rad))
    assert far.distance_m.shape == (0,)
    assert far.gradient_m_rad.shape == (0, 29)


def test_legs_count_when_asked_for():
    crossed = UNITREE_G1.default_rad.copy()
    crossed[[1, 7]] = -0.35, 0.35
    assert SelfDistance(MODEL, legs=True).smallest_m(crossed) < SelfDistance(MODEL).smallest_m(crossed)
