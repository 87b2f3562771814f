import numpy as np

from hlm.control.balance import center_of_mass_acceleration, convex_hull, nearest_inside
from hlm.control.config import BalanceConfig

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


def test_feedback_is_zero_on_the_wanted_motion_and_pulls_back_from_an_error() -> None:
    center, still = np.array([0.0, 0.0, 0.65]), np.zeros(3)
    config = BalanceConfig()

    def acceleration(position: np.ndarray) -> np.ndarray:
        return center_of_mass_acceleration(
            (position, still), (center, still), (center[:2], 0.0), 3.9, convex_hull(SQUARE), config
        )

    np.testing.assert_allclose(acceleration(center), 0.0, atol=1e-12)
    pulled = acceleration(center + np.array([0.01, -0.02, 0.03]))
    assert pulled[0] < 0.0 < pulled[1]
    assert pulled[2] < 0.0
    # Beyond the feet's edge no more than the edge's own pull is asked for.
    np.testing.assert_allclose(acceleration(center + np.array([0.09, 0.0, 0.0]))[0], 3.9**2 * (0.09 - 0.1), atol=1e-12)
