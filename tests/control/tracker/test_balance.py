import numpy as np

from hlm.control.tracker.balance import (
    Balance,
    balance_between,
    catchable,
    center_of_mass_acceleration,
    convex_hull,
    nearest_inside,
)
from hlm.control.tracker.config import BalanceConfig

SQUARE = np.array([[1.0, 1.0], [-1.0, 1.0], [-1.0, -1.0], [1.0, -1.0]]) * 0.1


def test_the_hull_holds_all_points_and_is_counter_clockwise() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        points = random.normal(size=(8, 2))
        hull = convex_hull(points)
        edges = np.roll(hull, -1, axis=0) - hull
        offsets = points[:, None] - hull[None]
        assert np.all(edges[:, 0] * offsets[..., 1] - edges[:, 1] * offsets[..., 0] >= -1e-12)
        assert all(any(np.array_equal(corner, point) for point in points) for corner in hull)


def test_the_nearest_point_is_the_point_itself_inside_and_the_nearest_of_many_outside() -> None:
    random = np.random.default_rng(1)
    hull = convex_hull(random.normal(size=(8, 2)))
    weights = random.dirichlet(np.ones(len(hull)), size=20000)
    inside = weights @ hull
    np.testing.assert_array_equal(nearest_inside(hull, inside[0]), inside[0])
    for point in 3.0 * random.normal(size=(10, 2)):
        found = nearest_inside(hull, point)
        best = np.linalg.norm(inside - point, axis=1).min()
        assert np.linalg.norm(found - point) <= best + 1e-12
        np.testing.assert_allclose(nearest_inside(hull, found), found, atol=1e-12)


def balance_at(error_m: np.ndarray, pressure_m: np.ndarray | None = None) -> Balance:
    wanted = np.array([0.02, -0.01])
    return Balance(
        3.9, convex_hull(SQUARE), wanted + error_m, wanted, np.zeros(2) if pressure_m is None else pressure_m
    )


def test_feedback_is_zero_on_the_wanted_motion_and_pulls_back_from_an_error() -> None:
    center, still = np.array([0.0, 0.0, 0.65]), np.zeros(3)
    config = BalanceConfig()

    def acceleration(position: np.ndarray) -> np.ndarray:
        balance = balance_between((position, still), (center, still), center[:2], 3.9, convex_hull(SQUARE), config)
        return center_of_mass_acceleration(balance, 1.0, (position, still), (center, still), 0.0, config)

    np.testing.assert_allclose(acceleration(center), 0.0, atol=1e-12)
    pulled = acceleration(center + np.array([0.01, -0.02, 0.03]))
    assert pulled[0] < 0.0 < pulled[1]
    assert pulled[2] < 0.0
    # Beyond the feet's edge no more than the edge's own pull is asked for.
    np.testing.assert_allclose(acceleration(center + np.array([0.09, 0.0, 0.0]))[0], 3.9**2 * (0.09 - 0.1), atol=1e-12)


def test_a_wanted_motion_that_waits_is_held_where_it_is() -> None:
    """At rate 0 the zero-moment point stands where the body falls, so that it falls no further."""
    balance = balance_at(np.zeros(2), pressure_m=np.array([0.08, 0.03]))
    np.testing.assert_allclose(balance.pressure(0.0, BalanceConfig()), balance.wanted_m)
    np.testing.assert_allclose(balance.pressure(1.0, BalanceConfig()), balance.pressure_m)


def test_a_landing_error_is_what_the_feet_cannot_take_out_until_then() -> None:
    """Against a simulation of the divergent component with the best constant zero-moment point."""
    np.testing.assert_allclose(balance_at(np.zeros(2)).landing_error(0.4), 0.0, atol=1e-12)
    np.testing.assert_allclose(balance_at(np.array([0.01, 0.0])).landing_error(0.4), 0.0, atol=1e-12)
    balance, remaining_s = balance_at(np.array([0.15, 0.0])), 0.4
    shift = 0.1  # the edge is as far as the zero-moment point can go
    error = 0.15
    for _ in range(4000):
        error += remaining_s / 4000 * 3.9 * (error - shift)
    np.testing.assert_allclose(balance.landing_error(remaining_s), [error, 0.0], rtol=1e-3, atol=1e-9)


def test_a_motion_that_falls_outside_the_carrying_foot_is_brought_back_to_its_line() -> None:
    config = BalanceConfig()
    outward, sole = np.array([0.0, 1.0]), np.array([0.0, -0.05])
    changed = catchable(balance_at(np.zeros(2)), sole, outward, config)
    np.testing.assert_allclose(changed.wanted_m, [0.02, -0.05 + config.reference_outside_m])
    np.testing.assert_allclose(changed.pressure_m, [0.0, -0.05 + config.pressure_outside_m])
    inside = balance_at(np.zeros(2))
    kept = catchable(inside, np.array([0.0, 0.2]), outward, config)
    np.testing.assert_array_equal(kept.wanted_m, inside.wanted_m)
