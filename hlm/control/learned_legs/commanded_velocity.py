"""The velocity that is commanded now: from its stamp on, without jumps, and none once commands stop."""

from __future__ import annotations

from collections import deque

import numpy as np

from hlm.control.learned_legs.decoupled_config import WalkConfig
from hlm.core.arrays import FloatArray
from hlm.core.clock import NS_PER_S


class CommandedVelocity:
    """Forward and leftward velocity (m/s) and yaw rate (rad/s) out of commands with stamps that increase.

    Args:
        config: times and accelerations.

    Attributes:
        now: [3] at the last `advance`; a new array each time.
        wanted: [3] what it goes to.
    """

    def __init__(self, config: WalkConfig) -> None:
        self._stale_ns = round(config.stale_s * NS_PER_S)
        straight = config.max_acceleration_m_s2
        self._acceleration = np.array([straight, straight, config.max_acceleration_rad_s2])
        self.reset(0)

    def reset(self, stamp_ns: int) -> None:
        """Stand, and forget all commands."""
        self._commands: deque[tuple[int, FloatArray]] = deque()
        self._stamp_ns = stamp_ns
        self.now: FloatArray = np.zeros(3)
        self.wanted: FloatArray = np.zeros(3)

    def push(self, stamp_ns: int, velocity: FloatArray) -> None:
        """Add a command that counts from its stamp on, until the next one's or until it is stale."""
        self._commands.append((stamp_ns, velocity))

    def advance(self, stamp_ns: int, *, may_walk: bool = True) -> None:
        """Let time pass until an instant.

        Args:
            stamp_ns: that instant.
            may_walk: whether the body is ready; until then, nothing is wanted.
        """
        dt_s = max((stamp_ns - self._stamp_ns) / NS_PER_S, 0.0)
        self._stamp_ns = stamp_ns
        self.wanted = self._due(stamp_ns) if may_walk else np.zeros(3)
        reach = self._acceleration * dt_s
        self.now = self.now + np.clip(self.wanted - self.now, -reach, reach)

    @property
    def walks(self) -> bool:
        """Whether there is a velocity, or one is wanted."""
        return bool(self.now.any() or self.wanted.any())

    def _due(self, stamp_ns: int) -> FloatArray:
        """[3] velocity of the newest command that is due and fresh."""
        while len(self._commands) > 1 and self._commands[1][0] <= stamp_ns:
            self._commands.popleft()
        if not self._commands or not 0 <= stamp_ns - self._commands[0][0] <= self._stale_ns:
            return np.zeros(3)
        return self._commands[0][1]
