"""The page as a person's device: what its handles, sticks, sliders and keys command."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from hlm.control.body_command import BodyCommand
from hlm.core.clock import NS_PER_S, Clock
from hlm.teleop.devices.device import Button, DeviceSample
from hlm.teleop.page.documents import command_document, command_from_document
from hlm.teleop.page.mailboxes import Mailboxes, newest, put

# The page sends at 20 Hz and more; a browser that draws slowly skips a few.
_QUIET_S = 0.5


class PageDevice:
    """Commands from whichever page is in command; implements `hlm.teleop.devices.device.Device`.

    It is connected while its `PageProcess` runs. Buttons of the session come as events of the page, which work beside
    any device; `buttons` of a sample are those of a gamepad.

    Args:
        boxes: where the page leaves its samples, and takes postures from.
        clock: the machine's monotonic one, which the page's stamps are on.
        death: why the page's process does not run; empty while it does.
        address: of the page.
    """

    name = "page"
    cannot: tuple[str, ...] = ("single joints of the arms: only where the hands are",)

    def __init__(self, boxes: Mailboxes, clock: Clock, death: Callable[[], str], address: Callable[[], str]) -> None:
        self._box, self._postures, self._clock = boxes.commands, boxes.postures, clock
        self._posture: BodyCommand | None = None
        self._death, self._address = death, address

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing: the page goes on."""

    def read(self) -> DeviceSample | None:
        """The newest sample, without waiting; None before the first."""
        document = newest(self._box)
        if document is None:
            return None
        buttons = frozenset(Button(one) for one in document["buttons"])
        command = command_from_document(document["command"])
        if self._posture is not None and document["postures"] < self._postures.written:
            command = self._posture  # the page has not heard of it yet
        return DeviceSample(stamp_ns=document["stamp_ns"], motion=command, buttons=buttons)

    def pose(self, command: BodyCommand) -> None:
        """Go on from a command: handles and sliders are set to it."""
        self._posture = command
        put(self._postures, command_document(command))

    @property
    def trouble(self) -> str:
        """Why nothing new comes; empty when all is well."""
        if death := self._death():
            return death
        document = newest(self._box)
        if document is None:
            return f"no page is open: open {self._address()} in a browser"
        age_s = (self._clock.now_ns() - document["stamp_ns"]) / NS_PER_S
        if age_s > _QUIET_S:
            return f"the page has been silent for {age_s:.1f} s: show its tab, or open {self._address()} again"
        return ""
