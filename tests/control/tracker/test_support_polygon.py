import numpy as np
from scipy.spatial import ConvexHull

from hlm.control.tracker.support_polygon import convex_hull, project_onto_polygon, scaled_polygon


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
    np.testing.assert_array_equal(project_onto_polygon(hull, inside[0]), inside[0])
    for point in 3.0 * random.normal(size=(10, 2)):
        found = project_onto_polygon(hull, point)
        best = np.linalg.norm(inside - point, axis=1).min()
        assert np.linalg.norm(found - point) <= best + 1e-12
        np.testing.assert_allclose(project_onto_polygon(hull, found), found, atol=1e-12)


def test_the_hull_is_that_of_scipy() -> None:
    random = np.random.default_rng(2)
    for _ in range(20):
        points = random.normal(size=(8, 2))
        corners = points[ConvexHull(points).vertices]
        first = int(np.argmin(corners[:, 0]))
        np.testing.assert_array_equal(convex_hull(points), np.roll(corners, -first, axis=0))


def test_a_scaled_polygon_keeps_its_centre() -> None:
    square = np.array([[1.0, 2.0], [-1.0, 2.0], [-1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(scaled_polygon(square, 0.5), [[0.5, 1.5], [-0.5, 1.5], [-0.5, 0.5], [0.5, 0.5]])
