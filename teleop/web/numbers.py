"""Numbers that pages send."""

from __future__ import annotations

# Squares, and milliseconds as nanoseconds in 64 bits, stay finite; performance.now() reaches it after 31 years.
LARGEST = 1e12


def finite_number(value: object) -> float | None:
    """The number that a page sent; None if it is none, or larger than any measurement."""
    # True is a number to Python, and no measurement. An integer may have more digits than a float can hold.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        return None
    return float(value)
