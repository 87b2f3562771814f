import numpy as np
import pytest

from hlm.control.interpolation import minimum_jerk, smoothstep


@pytest.mark.parametrize("profile", [minimum_jerk, smoothstep])
def test_profiles_rise_from_0_to_1_and_are_point_symmetric(profile):
    fraction = np.linspace(0.0, 1.0, 101)
    travelled = profile(fraction)
    assert travelled[0] == 0.0
    assert travelled[-1] == pytest.approx(1.0, abs=1e-12)
    assert np.all(np.diff(travelled) > 0.0)
    np.testing.assert_allclose(travelled + travelled[::-1], 1.0, atol=1e-12)
    assert profile(0.25) == pytest.approx(travelled[25])


@pytest.mark.parametrize(("profile", "derivatives"), [(smoothstep, 1), (minimum_jerk, 2)])
def test_profiles_start_and_end_at_rest(profile, derivatives):
    polynomial = np.polynomial.Polynomial.fit(np.linspace(0, 1, 9), profile(np.linspace(0, 1, 9)), 5).convert()
    for order in range(1, derivatives + 1):
        np.testing.assert_allclose(polynomial.deriv(order)(np.array([0.0, 1.0])), 0.0, atol=1e-9)
