"""A motion file as the front of a session: plays while an episode is recorded, and runs the session if nobody does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hlm.core.clock import STEP_HZ
from hlm.teleop.devices.device import Button
from hlm.teleop.session.session import SessionState, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hlm.cli.live.front import Moment, Wish
    from hlm.teleop.motion.motion_file import MotionFile

# The robot follows 0.2 s later, and settles.
_LAST_STEPS = round(0.7 * STEP_HZ)


class MotionFront:
    """Plays a motion; implements `hlm.cli.live.front.Front`.

    Args:
        motion: entered.
        alone: whether it also begins episodes, and keeps them without a label; else a person does.
    """

    def __init__(self, motion: MotionFile, *, alone: bool) -> None:
        self._motion = motion
        self._alone = alone
        self._state = SessionState.IDLE
        self._asked: SessionState | None = None
        self._after = 0

    def show(self, moment: Moment) -> None:
        """Play while it is recorded; be at the first frame before that."""
        self._state = moment.session.state
        if self._state is SessionState.RECORDING:
            self._motion.start()
            self._after += self._motion.has_ended
        elif moment.recorded is None:
            self._motion.rewind()
            self._after = 0
        else:
            self._motion.stop()

    def wishes(self) -> Iterator[Wish]:
        """The end of the episode after the end of the motion; alone, also its beginning and what becomes of it."""
        if self._state is SessionState.RECORDING and self._after >= _LAST_STEPS:
            yield Button.RECORD
        if self._alone and self._asked is not self._state:
            if self._state is SessionState.IDLE:
                yield Button.RECORD
            if self._state is SessionState.REVIEW:
                yield Verdict.UNLABELLED
        self._asked = self._state
