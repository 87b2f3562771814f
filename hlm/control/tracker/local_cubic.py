"""Local cubic fits, as in a Savitzky-Golay filter, evaluated between grid points too.

SciPy's `savgol_coeffs` gives the same derivatives at the centre, to 1e-14 but not to the last bit, which recorded
rollouts would show; and importing `scipy.signal` takes longer than everything else that control imports.
"""

from __future__ import annotations

import numpy as np

from hlm.core.arrays import FloatArray


def cubic_fit(reach: int, dt_s: float) -> FloatArray:
    """[4, 2 reach + 1] map from values on a grid to the coefficients of their least-squares cubic in time.

    Args:
        reach: grid points to either side of the centre, where time is 0.
        dt_s: time between grid points.
    """
    time_s = dt_s * np.arange(-reach, reach + 1)
    coefficients: FloatArray = np.linalg.pinv(np.vander(time_s, 4, increasing=True))
    return coefficients


def cubic_derivatives(time_s: float) -> FloatArray:
    """[3, 4] map from a cubic's coefficients to its value, first and second derivative at a time."""
    return np.array(
        [
            [1.0, time_s, time_s**2, time_s**3],
            [0.0, 1.0, 2.0 * time_s, 3.0 * time_s**2],
            [0.0, 0.0, 2.0, 6.0 * time_s],
        ]
    )
