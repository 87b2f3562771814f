"""The devices that a person may command with, by the names of `--source`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hlm.core.clock import MonotonicClock
from hlm.core.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from hlm.core.embodiment import Embodiment
    from hlm.teleop.devices.device import Device
    from hlm.teleop.page.page_process import PageProcess
    from hlm.teleop.person import PersonSource

PEOPLE = ("page", "webxr", "keyboard")
# Devices whose session is run on the page, unless it is not wanted.
WITH_PAGE = ("page", "webxr")


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonConfig:
    """Who commands, and with what.

    Attributes:
        source: one of `PEOPLE`.
        motion: file to play; for `motion` alone.
        speed: of the motion, 1 for its own.
        headset_port: of the page that a headset opens; 0 for a free one.
    """

    source: str
    motion: Path | None = None
    speed: float = 1.0
    headset_port: int = 8443


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Person:
    """A person with a device.

    Attributes:
        device: entered.
        source: what it makes the robot do.
        invitation: how to connect the device, to be shown to the person alone; empty where there is nothing to do.
    """

    device: Device
    source: PersonSource
    invitation: str = ""


def must_be_person(source: str, motion: Path | None) -> None:
    """Check that a person can command with `source`.

    Raises:
        UnknownNameError: there is no such device.
        InputError: a motion without a file, or a file without a motion.
    """
    if source not in PEOPLE:
        raise UnknownNameError("source", source, PEOPLE)
    if (source == "motion") != (motion is not None):
        raise InputError("`--source motion` and the file to play go together: --source motion FILE.")


@contextmanager
def open_person(config: PersonConfig, page: PageProcess | None, embodiment: Embodiment) -> Iterator[Person]:
    """A person's device, and the references that it gives; leaving disconnects.

    Args:
        config: which.
        page: entered; None without one.
        embodiment: the robot that follows.

    Raises:
        HlmError: the device is not to be had.
    """
    clock = MonotonicClock()
    match config.source:
        case "page" if page is not None:
            from hlm.teleop.commanded_person import CommandedPerson

            yield Person(device=page.device, source=CommandedPerson(page.device, clock, embodiment))
        case "webxr":
            from hlm.teleop.commanded_person import CommandedPerson
            from hlm.teleop.devices.webxr import WebXRConfig, WebXRDevice
            from hlm.teleop.web.config import WebConfig

            web = WebConfig(host="0.0.0.0", port=config.headset_port)
            with WebXRDevice(WebXRConfig(web=web), clock, embodiment) as headset:
                source = CommandedPerson(headset, clock, embodiment)
                yield Person(device=headset, source=source, invitation=headset.invitation)
        case "keyboard":
            from hlm.teleop.commanded_person import CommandedPerson
            from hlm.teleop.devices.keyboard import Keyboard

            with Keyboard(clock) as keyboard:
                yield Person(device=keyboard, source=CommandedPerson(keyboard, clock, embodiment))
        case _:
            raise NotImplementedError(config.source)
