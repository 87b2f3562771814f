"""A motion file as the front of a session: plays while an episode is recorded, and runs the session if nobody does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hlm.cli.live.front import GiveUp
from hlm.core.clock import STEP_HZ
from hlm.teleop.devices.device import Button
from hlm.teleop.session.session import SessionState, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hlm.cli.live.front import Moment, Wish
    from hlm.teleop.motion.motion_file import MotionFile

# The robot follows 0.2 s later, and settles.
_LAST_STEPS = round(0.7 * STEP_HZ)
# States that only a person leads out of.
_STUCK = (SessionState.FOLLOWING, SessionState.PAUSED)


class MotionFront:
    """Plays a motion; implements `hlm.cli.live.front.Front`.

    Args:
        motion: entered.
        alone: whether it also begins episodes, and keeps them without a label; else a person does. What only a person
            could mend then ends the session.
    """

    def __init__(self, motion: MotionFile, *, alone: bool) -> None:
        self._motion = motion
        self._alone = alone
        self._state = SessionState.IDLE
        self._ready = self._begun = False
        self._trouble = ""
        self._after = 0

    def show(self, moment: Moment) -> None:
        """Play while it is recorded; be at the first frame before that."""
        self._state = moment.session.state
        self._ready = moment.step is not None and not moment.fault
        self._begun = self._begun or self._state is SessionState.RECORDING
        self._trouble = self._stuck(moment)
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
        if self._alone:
            yield from self._decide()

    def _decide(self) -> Iterator[Wish]:
        """What a person would ask for."""
        if self._trouble:
            yield GiveUp(self._trouble)
        elif self._state is SessionState.IDLE and self._ready:
            self._begun = False
            yield Button.RECORD
        elif self._state is SessionState.REVIEW:
            yield Verdict.UNLABELLED

    def _stuck(self, moment: Moment) -> str:
        """Why nothing more will be recorded unless a person helps; empty while something may."""
        if self._state in _STUCK:
            return moment.session.message
        return f"not recording: {moment.fault}" if moment.fault and not self._begun else ""
