import numpy as np

from hlm.control.tracker.contact_detection import ContactConfig, detect_contacts, load_fractions
from hlm.control.tracker.contact_state import DOUBLE_SUPPORT, ContactState

DT_S = 0.02


def swing(first: int, last: int, count: int = 60, height_m: float = 0.05) -> np.ndarray:
    """[slot] height of a foot that is in the air between two slots."""
    rise = np.zeros(count)
    slots = np.arange(first, last + 1)
    rise[slots] = height_m * np.sin(np.pi * (slots - first) / (last - first)) ** 2
    return rise


def contacts(height_m: np.ndarray, right_load_fraction: float, start: ContactState = DOUBLE_SUPPORT) -> np.ndarray:
    return detect_contacts(height_m, np.full(len(height_m), right_load_fraction), start, DT_S, ContactConfig())


def test_a_swing_lasts_from_leaving_the_ground_to_touchdown() -> None:
    rise = swing(20, 47)
    left, right = contacts(rise, 0.9).T
    assert right.all()
    air = np.flatnonzero(~left)
    assert np.array_equal(air, np.arange(air[0], air[-1] + 1))
    # Off the ground from 2.5 mm, down again below 3.5 mm: within a slot.
    assert rise[air[0] - 1] <= 0.0025 < rise[air[0]]
    assert abs(air[-1] - np.flatnonzero(rise >= 0.0035)[-1]) <= 1


def test_left_and_right_are_mirrored() -> None:
    rise = swing(20, 47)
    np.testing.assert_array_equal(contacts(rise, 0.9), contacts(-rise, 0.1)[:, ::-1])


def test_noise_does_not_lift_a_foot_off_that_carries_the_body() -> None:
    assert contacts(swing(20, 47, height_m=0.02), 0.5).all()
    # Wherever the load is, a foot that is far up is in the air.
    assert not contacts(swing(20, 47, height_m=0.08), 0.5).all()


def test_a_lift_off_is_confirmed_after_a_while_and_then_backdated() -> None:
    rise = swing(20, 47)
    seen = [contacts(rise[:count], 0.9) for count in range(22, 48)]
    lift_offs = [int(np.argmin(one[:, 0])) for one in seen if not one.all()]
    assert set(lift_offs) == {lift_offs[0]}
    late = next(count for count, one in zip(range(22, 48), seen, strict=True) if not one.all())
    config = ContactConfig()
    over = int(np.argmax(rise > config.lift_off_height_m))
    assert late - over == round(config.lift_off_confirm_s / DT_S)


def test_detection_can_start_at_any_slot() -> None:
    rise = swing(20, 47)
    whole = contacts(rise, 0.9)
    for cut in range(1, 55):
        np.testing.assert_array_equal(contacts(rise[cut:], 0.9, ContactState.of(whole[cut])), whole[cut:])


def test_at_least_one_foot_is_always_in_contact() -> None:
    random = np.random.default_rng(0)
    for _ in range(30):
        rise = np.cumsum(random.normal(0.0, 0.01, size=80))
        assert contacts(rise, float(random.uniform())).any(axis=1).all()


def test_load_fractions_follow_the_zmp() -> None:
    soles = np.array([[0.0, 0.1, 0.0], [0.1, -0.1, 0.0]])
    np.testing.assert_allclose(load_fractions(soles, soles[0]), [1.0, 0.0])
    np.testing.assert_allclose(load_fractions(soles, soles.mean(axis=0)), [0.5, 0.5])
    np.testing.assert_allclose(load_fractions(soles, soles[1] + 5.0 * (soles[1] - soles[0])), [0.0, 1.0])
