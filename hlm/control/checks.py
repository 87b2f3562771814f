"""Checks that configs share."""

from __future__ import annotations

import numpy as np

from hlm.core.errors import InputError


def require_positive(config: object, *names: str) -> None:
    """Refuse a config whose named fields, numbers or tuples of numbers, are not all positive.

    Raises:
        InputError: a field is zero, negative or not a number.
    """
    for name in names:
        value = getattr(config, name)
        if not np.min(value) > 0.0:
            raise InputError(f"{type(config).__name__}.{name} must be positive, got {value}.")
