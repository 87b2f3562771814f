import numpy as np

from hlm.control.tracker.config import ContactConfig
from hlm.control.tracker.contacts import label_contacts, load_share

DT_S = 0.02
BOTH = np.array([True, True])


def swing(first: int, last: int, count: int = 60, height_m: float = 0.05) -> np.ndarray:
    """[slot] height of a foot that is in the air between two slots."""
    rise = np.zeros(count)
    slots = np.arange(first, last + 1)
    rise[slots] = height_m * np.sin(np.pi * (slots - first) / (last - first)) ** 2
    return rise


def labels(rise_m: np.ndarray, right_share: float, start: np.ndarray = BOTH) -> np.ndarray:
    return label_contacts(rise_m, np.full(len(rise_m), right_share), start, DT_S, ContactConfig())


def test_a_swing_is_dated_from_leaving_the_ground_to_landing() -> None:
    rise = swing(20, 47)
    left, right = labels(rise, 0.9).T
    assert right.all()
    air = np.flatnonzero(~left)
    assert np.array_equal(air, np.arange(air[0], air[-1] + 1))
    # Off the ground from 2.5 mm, down again below 3.5 mm: within a slot.
    assert rise[air[0] - 1] <= 0.0025 < rise[air[0]]
    assert abs(air[-1] - np.flatnonzero(rise >= 0.0035)[-1]) <= 1


def test_left_and_right_are_mirrored() -> None:
    rise = swing(20, 47)
    np.testing.assert_array_equal(labels(rise, 0.9), labels(-rise, 0.1)[:, ::-1])


def test_a_foot_that_carries_the_body_is_not_lifted_by_noise() -> None:
    assert labels(swing(20, 47, height_m=0.02), 0.5).all()
    # However the body falls, a foot that is far up is in the air.
    assert not labels(swing(20, 47, height_m=0.08), 0.5).all()


def test_a_rise_is_not_believed_before_it_lasts_and_is_dated_back_when_it_has() -> None:
    rise = swing(20, 47)
    seen = [labels(rise[:count], 0.9) for count in range(22, 48)]
    lifts = [int(np.argmin(one[:, 0])) for one in seen if not one.all()]
    assert set(lifts) == {lifts[0]}
    late = next(count for count, one in zip(range(22, 48), seen, strict=True) if not one.all())
    config = ContactConfig()
    over = int(np.argmax(rise > config.lifted_m))
    assert late - over == round(config.confirm_s / DT_S)


def test_it_goes_on_from_where_it_was_left() -> None:
    rise = swing(20, 47)
    whole = labels(rise, 0.9)
    for cut in range(1, 55):
        np.testing.assert_array_equal(labels(rise[cut:], 0.9, whole[cut]), whole[cut:])


def test_one_foot_always_stands() -> None:
    random = np.random.default_rng(0)
    for _ in range(30):
        rise = np.cumsum(random.normal(0.0, 0.01, size=80))
        assert labels(rise, float(random.uniform())).any(axis=1).all()


def test_the_load_is_shared_by_where_it_acts() -> None:
    soles = np.array([[0.0, 0.1, 0.0], [0.1, -0.1, 0.0]])
    np.testing.assert_allclose(load_share(soles, soles[0]), [1.0, 0.0])
    np.testing.assert_allclose(load_share(soles, soles.mean(axis=0)), [0.5, 0.5])
    np.testing.assert_allclose(load_share(soles, soles[1] + 5.0 * (soles[1] - soles[0])), [0.0, 1.0])
