import numpy as np
import pytest

from hlm.datasets.statistics import SMALLEST_RANGE, vector_statistics
from hlm.policies.transforms.quantiles import Quantiles


@pytest.fixture
def quantiles():
    return Quantiles(np.array([-1.0, 0.5, 3.0]), np.array([2.0, 0.51, 3.5]))


def test_normalise_maps_the_quantiles_to_the_ends(quantiles):
    ends = quantiles.normalise(np.stack([quantiles.low, quantiles.high]))
    np.testing.assert_allclose(ends[:, [0, 2]], [[-1.0, -1.0], [1.0, 1.0]], rtol=1e-5)


def test_undo_inverts_normalise_where_dimensions_are_active(quantiles):
    values = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    before = values.copy()
    back = quantiles.undo(quantiles.normalise(values))
    active = quantiles.active
    np.testing.assert_allclose(back[:, active], values[:, active], atol=1e-6)
    np.testing.assert_array_equal(values, before)


def test_a_dimension_that_hardly_moves_is_zero_inside_and_constant_outside(quantiles):
    assert quantiles.active.tolist() == [True, False, True]
    values = np.random.default_rng(0).normal(size=(9, 3))
    assert not quantiles.normalise(values)[:, 1].any()
    np.testing.assert_allclose(quantiles.undo(values)[:, 1], 0.505, rtol=1e-6)


def test_what_hardly_moves_is_either_inactive_or_widened():
    rng = np.random.default_rng(0)
    spread = np.where(np.arange(34) % 3 == 0, 1e-3, 1.0)
    vectors = 3.0 + spread * rng.normal(size=(500, 34))
    statistics = vector_statistics(vectors)
    held, widened = Quantiles.of(statistics, "hold"), Quantiles.of(statistics, "widen")
    np.testing.assert_array_equal(held.active, ~statistics.still)
    np.testing.assert_array_equal(held.low, statistics.q01.astype(np.float32))
    assert widened.active.all()
    np.testing.assert_allclose((widened.high - widened.low)[::3], SMALLEST_RANGE, rtol=1e-4)
    np.testing.assert_array_equal(widened.low[1::3], held.low[1::3])
    np.testing.assert_allclose(widened.undo(widened.normalise(vectors)), vectors, atol=2e-6)


def test_a_dimension_that_never_moves_can_be_widened():
    quantiles = Quantiles.of(vector_statistics(np.full((10, 34), 2.5)), "widen")
    assert quantiles.active.all()
    np.testing.assert_array_equal(quantiles.normalise(np.full(34, 2.5)), 0.0)


def test_keep_leaves_small_ranges_as_they_are():
    rng = np.random.default_rng(0)
    spread = np.where(np.arange(34) % 3 == 0, 1e-3, 1.0)
    vectors = 3.0 + spread * rng.normal(size=(500, 34))
    statistics = vector_statistics(vectors)
    kept = Quantiles.of(statistics, "keep")
    assert kept.active.all()
    np.testing.assert_allclose(kept.low, statistics.q01, rtol=1e-6)
    np.testing.assert_allclose(kept.high, statistics.q99, rtol=1e-6)
    np.testing.assert_allclose(kept.undo(kept.normalise(vectors)), vectors, atol=2e-6)


def test_keep_maps_what_never_moved_to_the_lower_end_as_lerobot_does():
    quantiles = Quantiles.of(vector_statistics(np.full((10, 34), 2.5)), "keep")
    np.testing.assert_allclose(quantiles.normalise(np.full(34, 2.5)), -1.0, atol=1e-3)
    np.testing.assert_allclose(quantiles.undo(np.full(34, -1.0)), 2.5, atol=1e-6)
