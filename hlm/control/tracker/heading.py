"""The heading that the stream says, against the one that steps have led to."""

from __future__ import annotations

from hlm.control.tracker.placement import PlacedReference
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.core.rotations import wrap_angle


class Heading:
    """Integrates the stream's yaw rate from one stand to the next.

    Attributes:
        error_rad: how far the body still has to turn.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """The body faces where it should."""
        self._wanted_rad = 0.0
        self.error_rad = 0.0

    def update(self, dt_s: float, sample: ReferenceSample, placed: PlacedReference, *, resting: bool) -> None:
        """Take a tick; at rest the heading is right by definition: no step could correct it."""
        heading_rad = float(sample.roll_pitch_yaw_rad[2]) + placed.yaw_rad
        if resting:
            self._wanted_rad = heading_rad
        self._wanted_rad += sample.yaw_rate_rad_s * dt_s
        self.error_rad = float(wrap_angle(self._wanted_rad - heading_rad))
