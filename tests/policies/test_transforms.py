import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hlm.core.errors import InputError
from hlm.policies.transforms import Quantiles, SplineBasis, Vocabulary


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


def test_a_cubic_is_projected_exactly():
    basis = SplineBasis(50, 12)
    time = np.linspace(0.0, 1.0, 50)[:, None]
    cubic = 0.3 - time + 2.0 * time**2 - 1.5 * time**3
    np.testing.assert_allclose(basis.undo(basis.project(cubic)), cubic, atol=1e-6)


def test_projection_inverts_undo_on_coefficients():
    basis = SplineBasis(50, 12)
    coefficients = np.random.default_rng(0).normal(size=(4, 12, 34)).astype(np.float32)
    np.testing.assert_allclose(basis.project(basis.undo(coefficients)), coefficients, atol=1e-5)


def test_splines_sum_to_one_and_touch_the_ends():
    matrix = SplineBasis(50, 12).matrix
    np.testing.assert_allclose(matrix.sum(1), 1.0)
    assert matrix[0, 0] == 1.0
    assert matrix[-1, -1] == 1.0


@pytest.mark.parametrize("coefficients", [3, 51])
def test_a_basis_needs_as_many_coefficients_as_it_can_fit(coefficients):
    with pytest.raises(InputError, match=f"takes 4 to 50 coefficients, got {coefficients}"):
        SplineBasis(50, coefficients)


@given(st.lists(st.sampled_from(["put", "red", "cup", "on", "shelf"]), min_size=1, max_size=6))
def test_undo_gives_the_instruction_back(words):
    vocabulary = Vocabulary.fit(["put red cup on shelf now"])
    assert vocabulary.undo(vocabulary.encode(" ".join(words))) == " ".join(words)


def test_case_and_punctuation_do_not_matter():
    vocabulary = Vocabulary.fit(["Put the red cup on the shelf."])
    np.testing.assert_array_equal(vocabulary.encode("put THE red, cup"), vocabulary.encode("put the red cup"))


def test_an_unknown_word_names_the_known_ones():
    vocabulary = Vocabulary.fit(["put the red cup"])
    with pytest.raises(InputError, match=r"does not know 'green', 'jug'.*cup, put, red, the"):
        vocabulary.encode("put the green jug")


def test_an_empty_or_too_long_instruction_is_refused():
    vocabulary = Vocabulary.fit(["put the cup"])
    with pytest.raises(InputError, match="instruction is empty"):
        vocabulary.encode(" . ")
    with pytest.raises(InputError, match="has 4 words; the policy reads at most 3"):
        vocabulary.encode("put the the cup")


def test_a_vocabulary_needs_words():
    with pytest.raises(InputError, match="no training episode has an instruction"):
        Vocabulary.fit(["", " "])
