import numpy as np
import pytest

from hlm.core.errors import InputError
from hlm.policies.transforms.spline import SplineBasis


def test_a_cubic_is_projected_exactly():
    basis = SplineBasis(50, 12)
    time = np.linspace(0.0, 1.0, 50)[:, None]
    cubic = 0.3 - time + 2.0 * time**2 - 1.5 * time**3
    fitted = basis.matrix @ (np.linalg.pinv(basis.matrix) @ cubic)
    np.testing.assert_allclose(fitted, cubic, atol=1e-6)


def test_coefficients_are_found_again():
    basis = SplineBasis(50, 12)
    assert np.linalg.matrix_rank(basis.matrix) == 12


def test_splines_sum_to_one_and_touch_the_ends():
    matrix = SplineBasis(50, 12).matrix
    np.testing.assert_allclose(matrix.sum(1), 1.0)
    assert matrix[0, 0] == 1.0
    assert matrix[-1, -1] == 1.0


@pytest.mark.parametrize("coefficients", [3, 51])
def test_a_basis_needs_as_many_coefficients_as_it_can_fit(coefficients):
    with pytest.raises(InputError, match=f"takes 4 to 50 coefficients, got {coefficients}"):
        SplineBasis(50, coefficients)
