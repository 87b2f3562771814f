"""How fresh the inputs of a session are, and how often something new comes from each."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from hlm.core.clock import NS_PER_S, Clock, MonotonicClock
from hlm.core.inputs import DEVICE, MAX_DEVICE_AGE_S
from hlm.teleop.page.page_view import InputAge

if TYPE_CHECKING:
    from hlm.runtime.loop import LoopStep
    from hlm.teleop.devices.device import Device
    from hlm.teleop.person import PersonSource

_LATE_S = 0.1
# Rates are of this time; stamps that differ by less are one, because ages are rounded.
_WINDOW_S, _SAME_S = 2.0, 1e-3


class ShownInputs:
    """The person's device, and what is seen of the robot.

    Args:
        clock: of people's devices.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = MonotonicClock() if clock is None else clock
        self._came_s: dict[str, deque[float]] = {}

    def ages(self, person: PersonSource, device: Device, step: LoopStep | None) -> tuple[InputAge, ...]:
        """Age and rate of each input; rates are of what the control loop has seen, which looks once a step.

        Args:
            person: who commands.
            device: of the person.
            step: the newest; None before the first.
        """
        said = self._input(device.name, person.age_s, self._clock.now_ns() / NS_PER_S, MAX_DEVICE_AGE_S)
        if step is None:
            return (said,)
        now_s = step.observation.stamp_ns / NS_PER_S
        seen = [(name, age_s) for name, age_s in step.age_s.items() if name != DEVICE]
        return said, *(self._input(name, age_s, now_s, _LATE_S) for name, age_s in seen)

    def _input(self, name: str, age_s: float, now_s: float, limit_s: float) -> InputAge:
        if not math.isfinite(age_s):
            return InputAge(name=name, age_s=None, limit_s=limit_s)
        return InputAge(name=name, age_s=age_s, limit_s=limit_s, rate_hz=self._rate_hz(name, now_s - age_s, now_s))

    def _rate_hz(self, name: str, stamp_s: float, now_s: float) -> float | None:
        """New values per second; None where two have not come lately."""
        came_s = self._came_s.setdefault(name, deque())
        if came_s and stamp_s < came_s[-1] - _SAME_S:
            came_s.clear()  # a simulation has begun anew
        if not came_s or stamp_s > came_s[-1] + _SAME_S:
            came_s.append(stamp_s)
        while came_s and came_s[0] < now_s - _WINDOW_S:
            came_s.popleft()
        return (len(came_s) - 1) / (came_s[-1] - came_s[0]) if len(came_s) > 1 else None
