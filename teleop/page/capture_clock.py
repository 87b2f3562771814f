"""When a browser noticed something, on the session's clock."""

from __future__ import annotations

from collections import deque

_NS_PER_MS = 1_000_000
# Some seconds of messages. Clocks of two machines drift apart by microseconds in them.
_MESSAGES = 200


class CaptureClock:
    """Maps a page's clock to the session's by the message that travelled fastest of the last ones.

    Captures are late by what the fastest message took, which is under a millisecond on one machine; they are never in
    the future.
    """

    def __init__(self) -> None:
        self._offsets_ns: deque[int] = deque(maxlen=_MESSAGES)

    def capture_ns(self, page_ms: float, arrival_ns: int) -> int:
        """When a message was written.

        Args:
            page_ms: the instant on the page's own clock.
            arrival_ns: when it arrived, on the session's clock.
        """
        page_ns = round(page_ms * _NS_PER_MS)
        self._offsets_ns.append(arrival_ns - page_ns)
        return page_ns + min(self._offsets_ns)
