"""The person who may take over from a policy that is deployed: how they stop it, and what they see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from hlm.cli.deploy_keys import DeviceStops, KeyboardStops, StopKeys, Stops
from hlm.cli.deploy_signals import StopSignals
from hlm.cli.live.takeover import open_taker
from hlm.cli.sources import EMBODIMENT
from hlm.cli.tables import console
from hlm.core.clock import MonotonicClock

if TYPE_CHECKING:
    from hlm.cli.deploy_parts import DeployParts
    from hlm.cli.deploy_plan import DeployPlan
    from hlm.cli.live.takeover import Taker
    from hlm.cli.live.takeover_page import TakeoverPage
    from hlm.runtime.deployment import Moment
    from hlm.teleop.devices.device import Device


@contextmanager
def seated(plan: DeployPlan) -> Iterator[Taker | None]:
    """The person who may take over, once they are there: nothing has moved yet. None where nobody may.

    Raises:
        HlmError: their device is not to be had.
    """
    if plan.takeover is None:
        yield None
        return
    with open_taker(plan.takeover, EMBODIMENT) as taker:
        for line in taker.invitations:
            _say(line)
        taker.wait(MonotonicClock(), _say)
        yield taker


class TakerSeat:
    """Where a person sits who may take over.

    Args:
        taker: who.
        page: of theirs; None without one.
        instruction: of the episode.
    """

    def __init__(self, taker: Taker, page: TakeoverPage | None, instruction: str) -> None:
        self._taker = taker
        self._page = page
        self._instruction = instruction

    @classmethod
    def of(cls, parts: DeployParts) -> Self | None:
        """The seat in a deployment; None where nobody may take over."""
        taker = parts.taker
        if taker is None:
            return None
        page = None
        if taker.page is not None:
            from hlm.cli.live.takeover_page import TakeoverPage

            page = TakeoverPage(taker.page, taker, parts.robot.scene)
        return cls(taker, page, parts.instance.instruction)

    def stop_signals(self) -> StopSignals:
        """Requests to stop, theirs included."""
        return StopSignals(_stops(self._taker.person.device), (lambda: 0) if self._page is None else self._page.stops)

    def show(self, moment: Moment) -> None:
        """Show how things stand, on their page."""
        if self._page is not None:
            from hlm.cli.live.takeover_page import Shown

            self._page.show(Shown(status=moment.status, instruction=self._instruction, scored=moment.scored))


def _say(text: str) -> None:
    console().print(text, soft_wrap=True)


def _stops(device: Device) -> Stops:
    """What a person presses to stop; a keyboard has the terminal for itself."""
    from hlm.teleop.devices.keyboard import Keyboard
    from hlm.teleop.page.page_device import PageDevice

    if isinstance(device, Keyboard):
        return KeyboardStops(device)
    return StopKeys() if isinstance(device, PageDevice) else DeviceStops(device)
