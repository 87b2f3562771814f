"""Takes what pages send: who may ask for what, and what it makes of controls and stick."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import HlmError
from hlm.teleop.devices.device import Button
from hlm.teleop.page import asked
from hlm.teleop.page.capture_clock import CaptureClock
from hlm.teleop.page.command_seat import CommandSeat
from hlm.teleop.page.controls import Controls, body_command, controls_of, dragged, freed, nudged, slid
from hlm.teleop.page.documents import Document, command_document, command_from_document
from hlm.teleop.page.page_event import ButtonPressed, PageEvent
from hlm.teleop.page.page_pad import PagePad
from hlm.teleop.page.part_poses import Part, PartPose
from hlm.teleop.web.messages import Message

_LOG = logging.getLogger(__name__)
_DOUBLE_CLICK_NS = 500_000_000
_MAX_NUDGE_M, _MAX_NUDGE_RAD = 0.1, 0.3


class PageDesk:
    """Keeps the state that pages share: it is here and not in a browser, so that a page may be closed and opened again.

    Attributes:
        seat: who commands.
        controls: what is set.
        shown: parts whose handles have arrows and rings.
        events: what was asked and not fetched yet.
        parts: where the parts of the robot are wanted, in the stance frame; empty before anything is known.
        postures: number of the last posture that the controls were set to.
    """

    def __init__(self) -> None:
        self.seat = CommandSeat()
        self.controls = Controls()
        self.shown: frozenset[Part] = frozenset({Part.LEFT_HAND, Part.RIGHT_HAND})
        self.events: list[PageEvent] = []
        self.parts: dict[Part, PartPose] = {}
        self._stick: FloatArray = np.zeros(3)
        self._pad = PagePad()
        self._pad_walk: FloatArray = np.zeros(3)
        self._pad_buttons: frozenset[Button] = frozenset()
        self._clicked: tuple[Part, int] | None = None
        self._stamp_ns: int | None = None
        self._clock = CaptureClock()
        self.postures = 0

    def meet(self, pages: Iterable[int]) -> None:
        """Learn which pages are there."""
        if self.seat.update(set(pages)):
            self._sit_down()

    def take(self, message: Message) -> None:
        """Take a message; one that makes no sense is logged, and changes nothing."""
        try:
            self._take(message)
        except HlmError as error:
            _LOG.warning("%s", error)

    def drag(self, drags: dict[Part, PartPose], now_ns: int) -> None:
        """Take what was dragged in the 3-D view."""
        for part, handle in drags.items():
            if Part.PELVIS in self.parts:
                self.controls = dragged(self.controls, part, handle, self.parts[Part.PELVIS])
                if self._stamp_ns is not None:
                    self._stamp_ns = max(self._stamp_ns, now_ns)

    def click(self, part: Part, now_ns: int) -> None:
        """Take a click on the ball of a handle: it shows or hides its arrows; a second one at once frees the part."""
        self.show(part, shown=part not in self.shown)
        before, self._clicked = self._clicked, (part, now_ns)
        if before is not None and before[0] is part and now_ns - before[1] < _DOUBLE_CLICK_NS:
            self.controls = freed(self.controls, part)
            self._clicked = None

    def show(self, part: Part, *, shown: bool) -> None:
        """Give a handle arrows and rings, or take them away."""
        self.shown = self.shown | {part} if shown else self.shown - {part}

    def sample(self) -> Document | None:
        """Document of the device's newest sample; None before the first."""
        if self._stamp_ns is None:
            return None
        command = body_command(self.controls, self._stick, self._pad_walk)
        buttons = sorted(self._pad_buttons)
        return {
            "stamp_ns": self._stamp_ns,
            "command": command_document(command),
            "buttons": buttons,
            "shown": sorted(self.shown),
            "postures": self.postures,
        }

    def pose(self, command: Document, number: int) -> None:
        """Set all controls to a command; samples say from then on that they took the posture of this number."""
        self.controls = controls_of(command_from_document(command))
        self.postures = number

    def restore(self, sample: Document) -> None:
        """Set again what a sample of another desk has: all but the sticks, and who commands."""
        self.controls = controls_of(command_from_document(sample["command"]))
        self.shown = frozenset(Part(name) for name in sample["shown"])
        self.postures = sample["postures"]

    def _take(self, message: Message) -> None:
        event = asked.event_in(message.type, message.content, message.stamp_ns)
        stops = isinstance(event, ButtonPressed) and event.button is Button.STOP
        if message.type == "take":
            if self.seat.take(message.client):
                self._sit_down()
        elif message.client == self.seat.holder or stops:
            if event is not None:
                self.events.append(event)
            else:
                self._set(message)

    def _sit_down(self) -> None:
        self._stick = np.zeros(3)
        self._pad, self._pad_walk, self._pad_buttons = PagePad(), np.zeros(3), frozenset()
        self._clock = CaptureClock()

    def _set(self, message: Message) -> None:
        content = message.content
        if message.type == "input":
            self._stick = asked.vector_in(content, "stick", 3)
            self._stamp_ns = self._clock.capture_ns(asked.number_in(content, "time_ms"), message.stamp_ns)
            self._move_pad(asked.gamepad_in(content), self._stamp_ns)
        elif message.type == "slide":
            self.controls = slid(self.controls, asked.slider_in(content), asked.number_in(content, "value"))
        elif message.type == "free":
            self.controls = freed(self.controls, asked.part_in(content))
        elif message.type == "show":
            self.show(asked.part_in(content), shown=bool(content.get("shown")))
        elif message.type == "nudge" and (there := self.parts.get(asked.part_in(content))) is not None:
            move_m = _limited(asked.vector_in(content, "move_m", 3), _MAX_NUDGE_M)
            turn_rad = _limited(asked.vector_in(content, "turn_rad", 3), _MAX_NUDGE_RAD)
            self.controls = nudged(self.controls, asked.part_in(content), there, move_m, turn_rad)

    def _move_pad(self, pad: tuple[FloatArray, FloatArray] | None, stamp_ns: int) -> None:
        self._pad_walk, self._pad_buttons = np.zeros(3), frozenset()
        if pad is not None:
            self.controls, self._pad_walk, self._pad_buttons = self._pad.move(self.controls, *pad, stamp_ns)


def _limited(vector: FloatArray, limit: float) -> FloatArray:
    return np.clip(vector, -limit, limit)
