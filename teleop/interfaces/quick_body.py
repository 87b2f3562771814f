"""A commanded body for sources that keep their own paces: a second one on top would make every hand late."""

from __future__ import annotations

from dataclasses import replace

from hlm.control.commanded_body.commanded_body import CommandedBody
from hlm.control.commanded_body.config import CommandedBodyConfig
from hlm.control.commanded_body.following import Pace
from hlm.core.embodiment import Embodiment

_USUAL = CommandedBodyConfig()
_QUICK = replace(
    _USUAL,
    height=Pace(frequency_rad_s=40.0, max_speed=_USUAL.height.max_speed, max_acceleration=5.0),
    lean=Pace(frequency_rad_s=40.0, max_speed=_USUAL.lean.max_speed, max_acceleration=10.0),
    waist=Pace(frequency_rad_s=40.0, max_speed=_USUAL.waist_speed_rad_s, max_acceleration=25.0),
    hand=Pace(frequency_rad_s=40.0, max_speed=_USUAL.hand.max_speed, max_acceleration=25.0),
    hand_turn=Pace(frequency_rad_s=40.0, max_speed=_USUAL.hand_turn.max_speed, max_acceleration=60.0),
    gripper=Pace(frequency_rad_s=60.0, max_speed=_USUAL.gripper.max_speed, max_acceleration=100.0),
)


def quick_body(embodiment: Embodiment) -> CommandedBody:
    """A body whose hands, waist, height and lean follow 0.05 s late; its walk is as always."""
    return CommandedBody(embodiment, _QUICK)
