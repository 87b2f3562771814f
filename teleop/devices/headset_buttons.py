"""What the buttons of two controllers ask of the session."""

from __future__ import annotations

from collections.abc import Set

from hlm.teleop.devices.device import Button

_LEFT = {"primary": Button.SUCCESS, "secondary": Button.DISCARD, "stick": Button.FAILURE}
_RIGHT = {"primary": Button.ENGAGE, "secondary": Button.RECORD}

BUTTONS_IN_WORDS = (
    "A: let the robot follow, or hold. B: begin or end an episode. X: success. Y: discard. "
    "Left stick pressed: failure. Both sticks pressed: stop the robot."
)
"""For help texts."""


def session_buttons(left: Set[str], right: Set[str]) -> frozenset[Button]:
    """What is asked while these buttons of the left and right controller are held.

    Args:
        left: some of `primary` (X), `secondary` (Y), `stick`.
        right: the same of A and B.
    """
    if "stick" in left and "stick" in right:
        return frozenset({Button.STOP})
    asked = {_LEFT[name] for name in left if name in _LEFT} | {_RIGHT[name] for name in right if name in _RIGHT}
    return frozenset(asked)
