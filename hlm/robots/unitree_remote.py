"""The wireless remote of a Unitree robot."""

from __future__ import annotations

from collections.abc import Iterable

# Bits of the remote's 16-bit key field, lowest first, as in Unitree's published key table.
BUTTONS = (
    "R1", "L1", "Start", "Select", "R2", "L2", "F1", "F2", "A", "B", "X", "Y", "Up", "Right", "Down", "Left",
)  # fmt: skip
STOPS = (("Select",), ("L1", "A"), ("L2", "B"))
"""What stops the robot: Unitree's own combinations for damping in older and newer firmware, and the key with which its
low-level examples end."""


def pressed(keys: int) -> frozenset[str]:
    """Names of the buttons that are down in a 16-bit key field."""
    return frozenset(name for bit, name in enumerate(BUTTONS) if keys >> bit & 1)


def key_field(names: Iterable[str]) -> int:
    """The 16-bit key field with these buttons down; inverse of `pressed`."""
    return sum(1 << BUTTONS.index(name) for name in set(names))


def stop_in(keys: int) -> str:
    """Which stop is pressed in a 16-bit key field, in words; empty when none is."""
    down = pressed(keys)
    return next((f"{' + '.join(stop)} on the remote" for stop in STOPS if down.issuperset(stop)), "")
