"""Configuration of a stream of frames."""

from __future__ import annotations

from dataclasses import dataclass

from hlm.core.clock import STEP_HZ
from hlm.core.errors import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class StreamingConfig:
    """A stream of frames.

    Attributes:
        rate_hz: frames per second.
        reference_hz: references per second.
        delay_s: how long after its stamp a reference comes at most. A frame is two periods of the references and this
            older than its number says: 0.077 s.
        ease_in_s: time over which the offset of the first reference from the pose at the reset fades.
        rest_s: time constant with which a stream that stops following comes to rest.
        repeated: frames of the message before that each message repeats: so many messages may be lost.
        most_frames: in one message, after a pause.
        crouch_leg_rad: [6] hip pitch, roll, yaw, knee, ankle pitch, roll of both legs at the end of a crouch: 0.12 m
            lower than the default pose, trunk upright, hips above the ankles.
        crouch_share: share of the crouch's time that the motion takes; then the robot may come to rest.
    """

    rate_hz: float = 50.0
    reference_hz: float = STEP_HZ
    delay_s: float = 0.01
    ease_in_s: float = 0.5
    rest_s: float = 0.05
    repeated: int = 1
    most_frames: int = 25
    crouch_leg_rad: tuple[float, ...] = (-0.75, 0.0, 0.0, 1.45, -0.7, 0.0)
    crouch_share: float = 0.8

    def __post_init__(self) -> None:
        """Check ranges."""
        for name in ("rate_hz", "reference_hz", "ease_in_s", "rest_s"):
            if not getattr(self, name) > 0.0:
                raise InputError(f"{name} must be positive, got {getattr(self, name)}.")
        if not (self.delay_s >= 0.0 and 0.0 < self.crouch_share <= 1.0):
            raise InputError(f"delay_s {self.delay_s} or crouch_share {self.crouch_share} is out of range.")
        if not 0 <= self.repeated < self.most_frames:
            raise InputError(f"a message repeats 0 to {self.most_frames - 1} frames, got {self.repeated}.")
        if len(self.crouch_leg_rad) != 6:
            raise InputError(f"crouch_leg_rad has {len(self.crouch_leg_rad)} joints; a leg has 6.")
