from dataclasses import replace

import numpy as np
import pytest

from hlm.control.tracker.contact_state import ContactState
from hlm.control.tracker.contact_state_machine import ContactStateMachine, ContactTransitionConfig
from hlm.control.tracker.feet import Feet
from hlm.control.tracker.reference_sample import ReferenceSample

CONFIG = ContactTransitionConfig()
DT_S = 0.01


def sample(left: bool = True, right: bool = True, touchdown_s: float = np.inf) -> ReferenceSample:
    still = ReferenceSample(*([None] * 21), 0.0)  # type: ignore[list-item]
    contact = ContactState(left, right)
    return replace(
        still,
        contact=contact,
        time_to_lift_off_s=np.full(2, np.inf),
        time_to_touchdown_s=np.where(contact.mask, np.inf, touchdown_s),
    )


def feet(clearance_m: float = 0.05, inward_m: float = 0.02) -> Feet:
    return Feet(np.zeros((2, 4, 3)), np.zeros((2, 2)), np.full(2, clearance_m), np.full(2, inward_m))


def test_lift_off_follows_the_reference_and_touchdown_the_ground() -> None:
    contacts = ContactStateMachine(CONFIG)
    contacts.update(DT_S, sample(left=False), feet(0.0))
    assert contacts.contact == (False, True)
    contacts.update(0.3, sample(left=False), feet(0.0))
    assert contacts.contact == (False, True), "nothing is due yet"
    contacts.update(DT_S, sample(), feet(0.01))
    assert contacts.contact == (False, True), "due, but not on the ground"
    contacts.update(DT_S, sample(), feet(0.0))
    assert contacts.contact.double_support


def test_a_foot_that_carries_the_body_does_not_lift_off() -> None:
    contacts = ContactStateMachine(CONFIG)
    contacts.update(DT_S, sample(left=False), feet(inward_m=0.12))
    contacts.update(DT_S, sample(left=False), feet(inward_m=0.0))
    assert contacts.contact.double_support, "this lift-off is over"
    contacts.update(DT_S, sample(), feet())
    contacts.update(DT_S, sample(left=False), feet())
    assert not contacts.contact.left


def test_an_early_touchdown_is_latched_until_the_references() -> None:
    contacts = ContactStateMachine(CONFIG)
    contacts.update(DT_S, sample(left=False), feet())
    contacts.update(0.3, sample(left=False, touchdown_s=0.1), feet(0.0))
    assert contacts.contact.double_support
    contacts.update(DT_S, sample(left=False, touchdown_s=0.09), feet(0.02))
    assert contacts.contact.double_support


def test_a_late_foot_descends_and_touches_down_at_last() -> None:
    contacts = ContactStateMachine(CONFIG)
    contacts.update(DT_S, sample(right=False), feet())
    ticks = 0
    while not contacts.contact.double_support:
        contacts.update(DT_S, sample(), feet(0.02))
        ticks += 1
    assert ticks * DT_S == pytest.approx(CONFIG.max_late_descent_m / CONFIG.late_descent_speed_m_s, abs=2.5 * DT_S)


def test_at_least_one_foot_is_always_in_contact() -> None:
    contacts = ContactStateMachine(CONFIG)
    random = np.random.default_rng(0)
    for _ in range(500):
        left, right = random.random(2) < 0.5
        contacts.update(DT_S, sample(bool(left), bool(right)), feet(float(random.uniform(-0.01, 0.02))))
        assert any(contacts.contact)


def test_load_limits_ramp_around_lift_off_and_touchdown_and_are_zero_in_the_air() -> None:
    contacts = ContactStateMachine(CONFIG)
    far = np.full(2, np.inf)
    assert np.isinf(contacts.max_load_fraction(far)).all()
    left, right = contacts.max_load_fraction(np.array([0.5 * CONFIG.load_ramp_s, np.inf]))
    assert left == pytest.approx(0.5)
    assert np.isinf(right)
    contacts.update(DT_S, sample(left=False), feet())
    np.testing.assert_array_equal(contacts.max_load_fraction(far), [0.0, np.inf])
    contacts.update(0.3, sample(), feet(0.0))
    contacts.update(0.5 * CONFIG.load_ramp_s, sample(), feet(0.0))
    assert contacts.max_load_fraction(far)[0] == pytest.approx(0.5)
