"""The person who may take over from a policy that is recorded in simulation: when episodes begin, and what they see."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from hlm.cli.live.takeover_page import Shown, TakeoverPage
from hlm.core.clock import NS_PER_S, STEP_HZ, Clock, MonotonicClock
from hlm.core.proprioception import measured_state
from hlm.teleop.devices.device import Button

if TYPE_CHECKING:
    from hlm.cli.live.takeover import Taker
    from hlm.core.task import TaskInstance
    from hlm.runtime.station import ScoredStep, Station
    from hlm.sim.tasks.simulated_task import SimulatedTask
    from hlm.teleop.session.takes import Kept

_STOPPED = "stopped by the person"


class RecordSeat:
    """Where a person sits who may take over while a policy is recorded.

    With a page, each episode begins and may end with its record button, and its stop ends the session. Other devices
    only take over and hand back.

    Args:
        taker: who, there already.
        station: entered.
        task: whose world the page shows.
        kept: the episodes of the dataset.
        clock: of people.
    """

    def __init__(
        self,
        taker: Taker,
        station: Station,
        task: SimulatedTask,
        kept: Callable[[], tuple[Kept, ...]],
        clock: Clock | None = None,
    ) -> None:
        self._taker = taker
        self._station = station
        self._kept = kept
        self._clock = MonotonicClock() if clock is None else clock
        self._page = None if taker.page is None else TakeoverPage(taker.page, taker, task)
        self._instruction = ""
        self._stopped = False
        self._listed: tuple[Kept, ...] = ()

    def instances(self, drawn: Iterable[TaskInstance]) -> Iterator[TaskInstance]:
        """The scenes, each when the person wants its episode to begin; none after a stop."""
        for instance in drawn:
            self._instruction = instance.instruction
            if self._page is not None and not self._begins(self._page):
                return
            yield instance
            if self._stopped:
                return

    def look_after(self, scored: ScoredStep) -> None:
        """Show a step, and do what the person has asked for."""
        if self._page is None:
            return
        shown = Shown(
            status=self._station.body.status,
            instruction=self._instruction,
            scored=scored,
            buttons=frozenset({Button.RECORD}),
            kept=self._listed,
        )
        self._page.show(shown)
        if Button.RECORD in self._page.pressed():
            self._taker.summons.press(Button.STOP)
        if self._page.stops():
            self._stopped = True
            self._station.body.stop(_STOPPED)

    def _begins(self, page: TakeoverPage) -> bool:
        """Wait for the record button; whether it came before a stop."""
        self._listed = self._kept()
        state, _ = measured_state(self._station.body.read(), None)
        idle = Shown(
            status=self._station.body.status,
            instruction=self._instruction,
            buttons=frozenset({Button.RECORD}),
            message="Record lets the policy begin",
            kept=self._listed,
            state=state,
        )
        while True:
            page.show(idle)
            if Button.RECORD in page.pressed():
                return True
            if page.stops():
                self._stopped = True
                return False
            self._clock.wait_until(self._clock.now_ns() + round(NS_PER_S / STEP_HZ))
