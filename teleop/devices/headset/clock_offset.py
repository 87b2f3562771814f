"""How far the clock of another machine is ahead of ours, from questions and answers."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from hlm.core.clock import NS_PER_S

# Clocks drift apart by up to 50 us per second (an ordinary quartz, 50 ppm): older answers say less than a slow new one.
_KEPT_S = 20.0


class _Answer(NamedTuple):
    received_ns: int
    round_trip_ns: int
    offset_ns: int


class ClockOffset:
    """Estimates the offset from the answer with the shortest round trip, as network time protocols do.

    The error is at most half of that round trip: whatever the network delays beyond it lengthens the round trip too.
    """

    def __init__(self) -> None:
        self._answers: deque[_Answer] = deque()

    def answered(self, sent_ns: int, theirs_ns: int, received_ns: int) -> None:
        """Take an answer.

        Args:
            sent_ns: when the question left, on our clock.
            theirs_ns: what their clock said.
            received_ns: when the answer came, on our clock.
        """
        middle_ns = (sent_ns + received_ns) // 2
        self._answers.append(_Answer(received_ns, received_ns - sent_ns, theirs_ns - middle_ns))
        while self._answers[0].received_ns < received_ns - _KEPT_S * NS_PER_S:
            self._answers.popleft()

    def ours_ns(self, theirs_ns: int) -> int:
        """The instant on our clock at which theirs says `theirs_ns`; there must have been an answer."""
        return theirs_ns - min(self._answers, key=lambda answer: answer.round_trip_ns).offset_ns
