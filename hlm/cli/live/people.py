"""The devices that a person may command with, by the names of `--source`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hlm.cli.live.played_motion import PlayedMotion
from hlm.core.clock import MonotonicClock
from hlm.core.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from hlm.core.clock import Clock
    from hlm.core.embodiment import Embodiment
    from hlm.teleop.devices.device import Device
    from hlm.teleop.motion.motion_file import MotionFile
    from hlm.teleop.page.page_process import PageProcess
    from hlm.teleop.person import PersonSource

PEOPLE = ("page", "webxr", "pico", "motion", "keyboard")
# Devices whose session is run on the page, unless it is not wanted.
WITH_PAGE = ("page", "webxr", "pico")
# Of the page that a headset opens.
HEADSET_PORT = 8443


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonConfig:
    """Who commands, and with what.

    Attributes:
        source: one of `PEOPLE`.
        motion: that is played; for `motion` alone.
        body: follow all joints that a headset sees, instead of head and hands.
        headset_port: of the page that a headset opens; 0 for a free one.
    """

    source: str
    motion: PlayedMotion | None = None
    body: bool = False
    headset_port: int = HEADSET_PORT


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Person:
    """A person with a device.

    Attributes:
        device: entered.
        source: what it makes the robot do.
        motion: that is played; None where a person moves.
        invitation: how to connect the device, to be shown to the person alone; empty where there is nothing to do.
    """

    device: Device
    source: PersonSource
    motion: MotionFile | None = None
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
def open_person(
    config: PersonConfig, page: PageProcess | None, embodiment: Embodiment, session_clock: Clock | None = None
) -> Iterator[Person]:
    """A person's device, and the references that it gives; leaving disconnects.

    Args:
        config: which.
        page: entered; None without one.
        embodiment: the robot that follows.
        session_clock: that a motion is played by, such as a simulation's; people move by the machine's, the default.

    Raises:
        HlmError: the device is not to be had.
    """
    clock = MonotonicClock()
    match config.source:
        case "page" if page is not None:
            from hlm.teleop.commanded_person import CommandedPerson

            yield Person(device=page.device, source=CommandedPerson(page.device, clock, embodiment))
        case "keyboard":
            from hlm.teleop.commanded_person import CommandedPerson
            from hlm.teleop.devices.keyboard import Keyboard

            with Keyboard(clock) as keyboard:
                yield Person(device=keyboard, source=CommandedPerson(keyboard, clock, embodiment))
        case "webxr":
            from hlm.teleop.devices.webxr import WebXRConfig, WebXRDevice
            from hlm.teleop.web.config import WebConfig

            web = WebConfig(host="0.0.0.0", port=config.headset_port)
            with WebXRDevice(WebXRConfig(web=web, body=config.body), clock, embodiment) as headset:
                source = _followed(headset, clock, embodiment, body=config.body)
                yield Person(device=headset, source=source, invitation=headset.invitation)
        case "pico":
            from hlm.teleop.devices.pico import PicoDevice

            with PicoDevice(clock) as headset:
                yield Person(device=headset, source=_followed(headset, clock, embodiment, body=True))
        case "motion" if config.motion is not None:
            with _played(config.motion, session_clock or clock, embodiment) as person:
                yield person
        case _:
            raise UnknownNameError("source", config.source, PEOPLE)


def _followed(device: Device, clock: Clock, embodiment: Embodiment, *, body: bool) -> PersonSource:
    """A headset that says where the whole body is, or where head and hands are."""
    from hlm.teleop.commanded_person import CommandedPerson
    from hlm.teleop.keypoint_person import KeypointPerson

    return (KeypointPerson if body else CommandedPerson)(device, clock, embodiment)


@contextmanager
def _played(file: PlayedMotion, clock: Clock, embodiment: Embodiment) -> Iterator[Person]:
    from hlm.teleop.keypoint_person import KeypointPerson
    from hlm.teleop.motion.measured import calibration_of
    from hlm.teleop.motion.motion_file import MotionFile
    from hlm.teleop.motion.motion_reader import read_motion

    motion = read_motion(file.path, file.options)
    calibration = calibration_of(motion, embodiment)
    with MotionFile(motion, clock, file.speed) as played:
        yield Person(device=played, source=KeypointPerson(played, clock, embodiment, calibration), motion=played)
