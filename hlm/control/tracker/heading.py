"""Heading error: the integrated yaw rate of the reference against the heading that the steps have led to."""

from __future__ import annotations

from hlm.control.tracker.anchoring import AnchoredReference
from hlm.control.tracker.reference_sample import ReferenceSample
from hlm.core.rotations import wrap_angle


class Heading:
    """Integrates the reference's yaw rate while the body walks.

    Attributes:
        error_rad: desired minus present heading of the anchored reference, in [-pi, pi).
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Set the error to zero."""
        self._desired_rad = 0.0
        self.error_rad = 0.0

    def update(self, dt_s: float, sample: ReferenceSample, anchored: AnchoredReference, *, resting: bool) -> None:
        """Advance by one tick; at rest the error is reset, because only a step could correct it.

        Args:
            dt_s: time since the last tick.
            sample: reference of this tick.
            anchored: the same in the robot's world.
            resting: both feet stand and no step is in sight.
        """
        heading_rad = float(sample.pelvis_roll_pitch_yaw_rad[2]) + anchored.yaw_rad
        if resting:
            self._desired_rad = heading_rad
        self._desired_rad += sample.yaw_rate_rad_s * dt_s
        self.error_rad = float(wrap_angle(self._desired_rad - heading_rad))
