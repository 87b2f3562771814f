"""How far another machine's clock is ahead of ours, where it cannot be asked."""

from __future__ import annotations

from collections import deque

from hlm.core.clock import NS_PER_S

_KEPT_S = 20.0


class OneWayOffset:
    """Estimates it from samples that come: the one that took least says most.

    What the fastest sample took is unknown, and by that much all instants are late.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[int, int]] = deque()

    def ours_ns(self, theirs_ns: int, seen_ns: int) -> int:
        """The instant of a sample on our clock, from its own stamp and from when it was seen first, on our clock."""
        self._seen.append((seen_ns, seen_ns - theirs_ns))
        while self._seen[0][0] < seen_ns - _KEPT_S * NS_PER_S:
            self._seen.popleft()
        return theirs_ns + min(difference for _, difference in self._seen)
