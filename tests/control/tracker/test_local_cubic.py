from math import factorial

import numpy as np
import pytest
from scipy.signal import savgol_coeffs

from hlm.control.tracker.local_cubic import cubic_derivatives, cubic_fit

DT_S = 0.02


@pytest.mark.parametrize("reach", [3, 6])
def test_coefficients_are_those_of_a_savitzky_golay_filter(reach):
    coefficients = cubic_fit(reach, DT_S)
    for order in range(4):
        expected = savgol_coeffs(2 * reach + 1, 3, deriv=order, delta=DT_S, use="dot") / factorial(order)
        np.testing.assert_allclose(coefficients[order], expected, atol=1e-12 * np.abs(expected).max())


def test_a_cubic_is_its_own_fit_at_any_time():
    cubic = np.polynomial.Polynomial([0.3, -1.0, 2.0, 5.0])
    coefficients = cubic_fit(4, DT_S) @ cubic(DT_S * np.arange(-4, 5))
    for time_s in (-0.01, 0.0, 0.013):
        expected = [cubic(time_s), cubic.deriv()(time_s), cubic.deriv(2)(time_s)]
        np.testing.assert_allclose(cubic_derivatives(time_s) @ coefficients, expected, atol=1e-9)
