"""Blending profiles from 0 to 1 that start and end at rest."""

from __future__ import annotations

from hlm.core.arrays import FloatArray


def minimum_jerk[Fraction: (float, FloatArray)](fraction: Fraction) -> Fraction:
    """Minimum-jerk profile: zero velocity and acceleration at both ends (Flash and Hogan 1985).

    Args:
        fraction: elapsed fraction of the duration, 0 to 1.

    Returns:
        Travelled fraction of the distance, 0 to 1.
    """
    return fraction**3 * (10.0 - 15.0 * fraction + 6.0 * fraction**2)


def smoothstep[Fraction: (float, FloatArray)](fraction: Fraction) -> Fraction:
    """Cubic profile: zero velocity at both ends.

    Args:
        fraction: elapsed fraction of the duration, 0 to 1.

    Returns:
        Travelled fraction of the distance, 0 to 1.
    """
    return fraction * fraction * (3.0 - 2.0 * fraction)
