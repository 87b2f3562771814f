import numpy as np

from hlm.control.tracker.balance import (
    Balance,
    BalanceConfig,
    ComMotion,
    balance_of,
    desired_com_acceleration,
    limit_to_stance_foot,
    limit_to_support,
)
from hlm.control.tracker.support_polygon import convex_hull

SQUARE = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]]) * 0.1


def balance_at(error_m: np.ndarray, zmp_m: np.ndarray | None = None) -> Balance:
    reference = np.array([0.02, -0.01])
    return Balance(3.9, convex_hull(SQUARE), reference + error_m, reference, np.zeros(2) if zmp_m is None else zmp_m)


def test_feedback_is_zero_on_the_reference_and_pulls_back_from_an_error() -> None:
    center, still = np.array([0.0, 0.0, 0.65]), np.zeros(3)
    config = BalanceConfig()

    def acceleration(position: np.ndarray) -> np.ndarray:
        measured, reference = ComMotion(position, still), ComMotion(center, still)
        balance = balance_of(measured, reference, center[:2], 3.9, convex_hull(SQUARE), config)
        return desired_com_acceleration(balance, 1.0, measured, reference, 0.0, config)

    np.testing.assert_allclose(acceleration(center), 0.0, atol=1e-12)
    pulled = acceleration(center + np.array([0.01, -0.02, 0.03]))
    assert pulled[0] < 0.0 < pulled[1]
    assert pulled[2] < 0.0
    # Beyond the feet's edge no more than the edge's own pull is asked for.
    np.testing.assert_allclose(acceleration(center + np.array([0.09, 0.0, 0.0]))[0], 3.9**2 * (0.09 - 0.1), atol=1e-12)


def test_a_reference_that_waits_is_held_at_its_dcm() -> None:
    """At rate 0 the ZMP lies at the DCM, so that the DCM stays."""
    balance = balance_at(np.zeros(2), zmp_m=np.array([0.08, 0.03]))
    np.testing.assert_allclose(balance.desired_zmp(0.0, BalanceConfig()), balance.reference_dcm_m)
    np.testing.assert_allclose(balance.desired_zmp(1.0, BalanceConfig()), balance.reference_zmp_m)


def test_the_touchdown_error_is_what_the_zmp_cannot_correct_until_then() -> None:
    """Against a simulation of the DCM with the best constant ZMP."""
    np.testing.assert_allclose(balance_at(np.zeros(2)).touchdown_dcm_error(0.4), 0.0, atol=1e-12)
    np.testing.assert_allclose(balance_at(np.array([0.01, 0.0])).touchdown_dcm_error(0.4), 0.0, atol=1e-12)
    balance, remaining_s = balance_at(np.array([0.15, 0.0])), 0.4
    shift = 0.1  # the edge is as far as the ZMP can go
    error = 0.15
    for _ in range(4000):
        error += remaining_s / 4000 * 3.9 * (error - shift)
    np.testing.assert_allclose(balance.touchdown_dcm_error(remaining_s), [error, 0.0], rtol=1e-3, atol=1e-9)


def test_a_reference_outside_the_stance_foot_is_limited_to_its_centre_line() -> None:
    config = BalanceConfig()
    outward, sole = np.array([0.0, 1.0]), np.array([0.0, -0.05])
    changed = limit_to_stance_foot(balance_at(np.zeros(2)), sole, outward, config)
    np.testing.assert_allclose(changed.reference_dcm_m, [0.02, -0.05 + config.max_dcm_outward_m])
    np.testing.assert_allclose(changed.reference_zmp_m, [0.0, -0.05 + config.max_zmp_outward_m])
    inside = balance_at(np.zeros(2))
    kept = limit_to_stance_foot(inside, np.array([0.0, 0.2]), outward, config)
    np.testing.assert_array_equal(kept.reference_dcm_m, inside.reference_dcm_m)


def test_a_body_that_takes_no_step_keeps_its_reference_inside_the_support() -> None:
    config = BalanceConfig()
    outside = balance_at(np.zeros(2))
    far = Balance(3.9, outside.support_polygon_m, outside.dcm_m, np.array([0.3, 0.0]), outside.reference_zmp_m)
    np.testing.assert_allclose(limit_to_support(far, config).reference_dcm_m, [0.1 * config.standing_scale, 0.0])
    np.testing.assert_array_equal(limit_to_support(outside, config).reference_dcm_m, outside.reference_dcm_m)


def test_a_reference_that_stands_leans_less_far_than_its_zmp_may_go() -> None:
    config, center, still = (
        BalanceConfig(standing_scale=0.5, support_scale=0.8),
        np.array([0.0, 0.0, 0.65]),
        np.zeros(3),
    )
    ahead = ComMotion(center + np.array([0.3, 0.0, 0.0]), still)
    balance = balance_of(ComMotion(center, still), ahead, np.array([0.3, 0.0]), 3.9, convex_hull(SQUARE), config)
    limited = limit_to_support(balance, config)
    np.testing.assert_allclose(limited.reference_dcm_m, [0.05, 0.0], atol=1e-12)
    np.testing.assert_allclose(limited.reference_zmp_m, [0.08, 0.0], atol=1e-12)
