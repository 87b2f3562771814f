from dataclasses import replace

import numpy as np
import pytest

from hlm.control.tracker.config import StepConfig
from hlm.control.tracker.feet import Feet
from hlm.control.tracker.footholds import Footholds
from hlm.control.tracker.reference_sample import ReferenceSample

CONFIG = StepConfig()
DT_S = 0.01


def sample(left: bool = True, right: bool = True, landing_s: float = np.inf) -> ReferenceSample:
    still = ReferenceSample(*([None] * 21), 0.0)  # type: ignore[list-item]
    standing = np.array([left, right])
    landings = np.where(standing, np.inf, landing_s)
    return replace(still, standing=standing, lift_s=np.full(2, np.inf), landing_s=landings)


def feet(clearance_m: float = 0.05, inward_m: float = 0.02) -> Feet:
    return Feet(np.zeros((2, 4, 3)), np.zeros((2, 2)), np.full(2, clearance_m), np.full(2, inward_m))


def test_a_foot_is_lifted_when_the_reference_lifts_it_and_lands_when_it_touches() -> None:
    footholds = Footholds(CONFIG)
    footholds.update(DT_S, sample(left=False), feet(0.0))
    assert footholds.standing.tolist() == [False, True]
    footholds.update(0.3, sample(left=False), feet(0.0))
    assert footholds.standing.tolist() == [False, True], "nothing is due yet"
    footholds.update(DT_S, sample(), feet(0.01))
    assert footholds.standing.tolist() == [False, True], "due, but not on the ground"
    footholds.update(DT_S, sample(), feet(0.0))
    assert footholds.standing.all()


def test_a_foot_that_the_body_falls_onto_is_not_lifted() -> None:
    footholds = Footholds(CONFIG)
    footholds.update(DT_S, sample(left=False), feet(inward_m=0.12))
    footholds.update(DT_S, sample(left=False), feet(inward_m=0.0))
    assert footholds.standing.all(), "this lift is over"
    footholds.update(DT_S, sample(), feet())
    footholds.update(DT_S, sample(left=False), feet())
    assert not footholds.standing[0]


def test_an_early_landing_is_latched_until_the_reference_has_landed() -> None:
    footholds = Footholds(CONFIG)
    footholds.update(DT_S, sample(left=False), feet())
    footholds.update(0.3, sample(left=False, landing_s=0.1), feet(0.0))
    assert footholds.standing.all()
    footholds.update(DT_S, sample(left=False, landing_s=0.09), feet(0.02))
    assert footholds.standing.all()


def test_a_late_foot_goes_down_and_lands_at_last() -> None:
    footholds = Footholds(CONFIG)
    footholds.update(DT_S, sample(right=False), feet())
    ticks = 0
    while not footholds.standing.all():
        footholds.update(DT_S, sample(), feet(0.02))
        ticks += 1
    assert ticks * DT_S == pytest.approx(CONFIG.deepest_m / CONFIG.descent_m_s, abs=2.5 * DT_S)


def test_there_is_always_a_foot_that_stands() -> None:
    footholds = Footholds(CONFIG)
    random = np.random.default_rng(0)
    for _ in range(500):
        left, right = random.random(2) < 0.5
        footholds.update(DT_S, sample(bool(left), bool(right)), feet(float(random.uniform(-0.01, 0.02))))
        assert footholds.standing.any()


def test_loads_ramp_before_a_lift_and_after_a_landing_and_are_none_in_the_air() -> None:
    footholds = Footholds(CONFIG)
    far = np.full(2, np.inf)
    assert np.isinf(footholds.largest_load(far)).all()
    left, right = footholds.largest_load(np.array([0.5 * CONFIG.ramp_s, np.inf]))
    assert left == pytest.approx(0.5)
    assert np.isinf(right)
    footholds.update(DT_S, sample(left=False), feet())
    np.testing.assert_array_equal(footholds.largest_load(far), [0.0, np.inf])
    footholds.update(0.3, sample(), feet(0.0))
    footholds.update(0.5 * CONFIG.ramp_s, sample(), feet(0.0))
    assert footholds.largest_load(far)[0] == pytest.approx(0.5)
