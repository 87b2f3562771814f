"""A person who may take over from a policy: with a device, and the operator's page if they have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hlm.cli.live.people import PersonConfig, open_person
from hlm.core.clock import NS_PER_S, Clock
from hlm.core.layout import pack
from hlm.core.values import Observation

if TYPE_CHECKING:
    from hlm.cli.live.people import Person
    from hlm.core.embodiment import Embodiment
    from hlm.core.protocols import ReferenceSource
    from hlm.teleop.page.page_config import PageConfig
    from hlm.teleop.page.page_process import PageProcess
    from hlm.teleop.summons import Summons
    from hlm.teleop.takeover import Takeover

# Who is in command at first, as datasets tell.
POLICY = "policy"
# People's devices that take over; a motion file has no button.
TAKEOVER_PEOPLE = ("keyboard", "page", "webxr", "pico")
_HOW = {
    "keyboard": "Enter takes over, Enter again hands back",
    "page": "Take over (F) on the page; again hands back",
}
_BUTTON = "the button that lets the robot follow takes over, and hands back"
_LOOK_NS = 50_000_000
# Compiles and loads what the first reference needs, so that a takeover costs no slot of the loop.
_WARM_UPS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class TakeoverConfig:
    """Who may take over.

    Attributes:
        person: with which device.
        page: the operator's page; None without one.
    """

    person: PersonConfig
    page: PageConfig | None = None


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Taker:
    """A person who may take over.

    Attributes:
        name: of their device, as datasets tell who was in command.
        person: with their device, entered.
        summons: says when they command.
        page: entered; None without one.
    """

    name: str
    person: Person
    summons: Summons
    page: PageProcess | None

    def shared(self, usual: ReferenceSource) -> Takeover:
        """The policy and the person as one source, for an episode that the policy begins."""
        from hlm.teleop.takeover import Takeover

        summons = self.summons
        return Takeover(usual, summons, summons.wanted, (POLICY, self.name), summons.begin)

    def wait(self, clock: Clock, say: Callable[[str], None]) -> None:
        """Wait until the person could take over; says what is waited for, once for each reason."""
        from hlm.teleop.page.page_view import PageView

        told = ""
        while trouble := self._trouble(clock):
            why = trouble.partition(": ")[2] or trouble
            if why != told:
                say(f"waiting for {self.name}: {why}")
                told = why
            if self.page is not None:  # one that is shown nothing commands nothing
                self.page.publish(PageView(state="idle", in_command="nobody", message=f"waiting: {why}", edits=False))
            clock.wait_until(clock.now_ns() + _LOOK_NS)

    @property
    def invitations(self) -> tuple[str, ...]:
        """How to connect and to take over, for the person alone."""
        page = () if self.page is None else (f"the operator's page: {self.page.address}",)
        device = (self.person.invitation,) if self.person.invitation else ()
        return *page, *device, f"to take over: {_HOW.get(self.name, _BUTTON)}"

    def _trouble(self, clock: Clock) -> str:
        self.person.source.look(clock.now_ns())
        return self.person.source.trouble


@contextmanager
def open_taker(config: TakeoverConfig, embodiment: Embodiment) -> Iterator[Taker]:
    """The person, with their device and page connected; leaving disconnects.

    Raises:
        HlmError: the device or the page is not to be had.
    """
    from hlm.teleop.page.page_process import PageProcess
    from hlm.teleop.summons import Summons

    with ExitStack() as stack:
        page = None if config.page is None else stack.enter_context(PageProcess(config.page))
        person = stack.enter_context(open_person(config.person, page, embodiment))
        _warm_up(person, embodiment)
        pressed_on = None if page is not None and person.device is page.device else person.device
        yield Taker(name=config.person.source, person=person, summons=Summons(person.source, pressed_on), page=page)


def _warm_up(person: Person, embodiment: Embodiment) -> None:
    standing = pack(embodiment.default_rad, np.ones(2), np.zeros(3))
    for step in range(_WARM_UPS):
        seen = Observation(step * NS_PER_S, standing, {}, "")
        person.source.reset(seen)
        person.source.reference(seen)
