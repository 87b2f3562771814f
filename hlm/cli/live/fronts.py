"""What a person sees and presses: one front made of several, the buttons of a device, and lines on a terminal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from hlm.cli.live.front import Leave
from hlm.teleop.devices.device import Speaking
from hlm.teleop.devices.presses import Presses
from hlm.teleop.session.session import SessionState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from hlm.cli.live.front import Front, Moment, Wish
    from hlm.runtime.deployment import StopRequests
    from hlm.teleop.devices.device import Device


_FIGURES = re.compile(r"[0-9.]+")


class Fronts:
    """Several fronts at once; implements `hlm.cli.live.front.Front`."""

    def __init__(self, *fronts: Front) -> None:
        self._fronts = fronts

    def show(self, moment: Moment) -> None:
        """Show how things stand on each."""
        for front in self._fronts:
            front.show(moment)

    def wishes(self) -> Iterator[Wish]:
        """What was asked on any of them."""
        for front in self._fronts:
            yield from front.wishes()


class DeviceButtons:
    """The session's buttons on a person's device, which may speak; implements `hlm.cli.live.front.Front`."""

    def __init__(self, device: Device) -> None:
        self._presses = Presses(device)
        self._voice = device if isinstance(device, Speaking) else None
        self._spoken = ""

    def show(self, moment: Moment) -> None:
        """Let the device say what there is to hear, when it changes."""
        before, self._spoken = self._spoken, moment.spoken
        if self._voice is not None and self._spoken not in ("", before):
            self._voice.say(self._spoken)

    def wishes(self) -> Iterator[Wish]:
        """Buttons that were pressed since the last call, each as often as it was."""
        yield from self._presses.new()


class TerminalFront:
    """Says on a terminal what changes; implements `hlm.cli.live.front.Front`."""

    def __init__(self, screen: Console) -> None:
        self._screen = screen
        self._said: tuple[SessionState, str] | None = None  # without figures, which change all the time

    def show(self, moment: Moment) -> None:
        """Say the state when it changes, and the message with it."""
        state = moment.session.state
        said = state, _FIGURES.sub("", moment.message)
        if said == self._said:
            return
        before, self._said = self._said, said
        if before is None or before[0] is not state or moment.message:
            words = (
                f"{state.value}: {moment.message.removeprefix(f'{state.value}: ')}" if moment.message else state.value
            )
            asked = f" '{moment.instruction}'" if state in (SessionState.IDLE, SessionState.COUNTDOWN) else ""
            self._screen.print(words + asked, soft_wrap=True)

    def wishes(self) -> Iterator[Wish]:
        """None: keys are a device's."""
        return iter(())


class StopSignalsFront:
    """Ctrl+C, `kill` and keys as the end of a session whose robot must come to rest first; implements `Front`."""

    def __init__(self, stops: StopRequests) -> None:
        self._stops = stops
        self._heard = 0

    def show(self, moment: Moment) -> None:
        """Nothing."""

    def wishes(self) -> Iterator[Wish]:
        """The end of the session for each new request."""
        count = self._stops.count  # it looks at keys, so that a second look may give another answer
        new, self._heard = count - self._heard, count
        for _ in range(new):
            yield Leave(self._stops.why)
