"""Range checks of configs."""

from __future__ import annotations

from hlm.core.errors import InputError


def must_be_at_least(lowest: int, config: object, *names: str) -> None:
    """Raise InputError if one of the named attributes is below `lowest`; attributes that are None pass."""
    for name in names:
        value = getattr(config, name)
        if value is not None and value < lowest:
            raise InputError(f"{name} must be at least {lowest}, got {value}.")
