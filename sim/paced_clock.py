"""A simulated clock that keeps step with a person: never faster than real time, and slower where the machine is."""

from __future__ import annotations

from hlm.core.clock import NS_PER_S, Clock
from hlm.core.errors import InputError

# Time that was lost is not caught up with: a world that hurries would surprise a person.
_MOST_LATE_NS = 50_000_000


class PacedClock:
    """Lets a simulated clock wait for a real one; implements `hlm.core.clock.Clock`.

    Args:
        simulated: whose time it tells, and which moves what it simulates when it waits.
        real: that it keeps step with.
        speed: simulated seconds in a real one, > 0.
    """

    def __init__(self, simulated: Clock, real: Clock, speed: float = 1.0) -> None:
        if not speed > 0.0:
            raise InputError(f"the speed of a simulation must be positive, got {speed}.")
        self._simulated = simulated
        self._real = real
        self._speed = speed
        self._simulated_ns = self._last_ns = simulated.now_ns()
        self._real_ns = real.now_ns()
        self.lost_s = 0.0

    def now_ns(self) -> int:
        """Simulated nanoseconds."""
        return self._simulated.now_ns()

    def wait_until(self, due_ns: int) -> None:
        """Simulate up to `due_ns`, and wait until a real clock has come as far."""
        if self._simulated.now_ns() < self._last_ns:  # the world has begun anew
            self._anchor(self._simulated.now_ns())
        self._simulated.wait_until(due_ns)
        self._last_ns = self._simulated.now_ns()
        real_ns = self._real_ns + round((due_ns - self._simulated_ns) / self._speed)
        late_ns = self._real.now_ns() - real_ns
        if late_ns > _MOST_LATE_NS:
            self.lost_s += late_ns / NS_PER_S
            self._anchor(due_ns)
        else:
            self._real.wait_until(real_ns)

    def _anchor(self, simulated_ns: int) -> None:
        self._simulated_ns, self._real_ns = simulated_ns, self._real.now_ns()
