"""What a device said last, and whether that is still to be believed."""

from __future__ import annotations

import math

from hlm.core.clock import NS_PER_S, Clock
from hlm.core.inputs import MAX_DEVICE_AGE_S
from hlm.teleop.devices.device import Device, DeviceSample


class Freshness:
    """The newest sample of a device, and its age.

    Args:
        device: entered.
        clock: that the device stamps its samples with.
    """

    def __init__(self, device: Device, clock: Clock) -> None:
        self._device = device
        self._clock = clock
        self.sample: DeviceSample | None = None
        self.age_s = math.inf

    @property
    def late(self) -> bool:
        """Whether the person must not be followed by it any more."""
        return self.age_s > MAX_DEVICE_AGE_S

    @property
    def trouble(self) -> str:
        """Why it is late, in one line; empty while it is not."""
        if not self.late:
            return ""
        name, why = self._device.name, self._device.trouble
        if self.sample is not None:
            return f"{name}: {why}" if why else f"{name} has been silent for {self.age_s:.1f} s"
        return f"{name} has said nothing yet" + (f": {why}" if why else "")

    def look(self) -> DeviceSample | None:
        """Ask the device; the newest sample that it ever gave."""
        newest = self._device.read()
        self.sample = self.sample if newest is None else newest
        if self.sample is not None:
            self.age_s = max(0.0, (self._clock.now_ns() - self.sample.stamp_ns) / NS_PER_S)
        return self.sample
