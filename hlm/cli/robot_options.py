"""What verbs that move a robot ask about it: which options mean something, and where its cameras are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from hlm.core.clock import MonotonicClock
from hlm.core.errors import InputError, UnknownNameError

_USELESS = {
    "mujoco": ("interface", "cameras", "grippers", "sonic", "start"),
    "unitree": ("sonic",),
    "sonic": ("interface", "start"),
}
_STANDING = "standing"


class CameraWords(NamedTuple):
    """What `--cameras` says.

    Attributes:
        names: of the cameras.
        said: where they are, in the words of `hlm.cameras.config`; empty for the robot's usual places.
    """

    names: tuple[str, ...]
    said: tuple[str, ...]


def must_mean_something(robot: str, options: Mapping[str, object]) -> None:
    """Refuse options that a robot has no use for.

    Args:
        robot: one of `hlm.cli.deployed_robot.ROBOTS`.
        options: values by name; empty ones, and a start on its feet, were not given.

    Raises:
        InputError: one that was given does nothing.
    """
    for name in _USELESS[robot]:
        if options.get(name) not in (None, (), _STANDING):
            raise InputError(f"--{name} {_why_useless(name, robot)}.")


def _why_useless(name: str, robot: str) -> str:
    if robot == "mujoco" and name == "cameras":
        return "says where real cameras are; those of --robot mujoco are simulated"
    why = ", which needs no network" if robot == "mujoco" and name != "start" else ""
    return f"does nothing with --robot {robot}{why}"


def camera_words(words: tuple[str, ...], known: tuple[str, ...]) -> CameraWords:
    """Names of cameras, or places of them, such as `head=opencv:/dev/video0`.

    Raises:
        InputError: names beside places, or words that mean nothing.
        UnknownNameError: no such camera, driver or option.
    """
    places = tuple(word for word in words if "=" in word)
    if not places:
        if unknown := [word for word in words if word not in known]:
            raise UnknownNameError("camera", unknown[0], known)
        return CameraWords(words, ())
    if len(places) < len(words):
        raise InputError(
            f"--cameras {' '.join(words)} says where some cameras are and not others: say it of all, such as "
            "head=opencv:/dev/video0, or of none."
        )
    from hlm.cameras.config import parse_cameras

    named = {name for group in parse_cameras(places, known) for name in group.names}
    return CameraWords(tuple(name for name in known if name in named), places)


def must_be_fit_for(robot: str, interface: str | None, record: Path | None) -> None:
    """Refuse a machine that must not drive this robot, as `hlm doctor` does.

    Args:
        robot: one of `hlm.cli.deployed_robot.ROBOTS`.
        interface: network interface to it, with or without its port; None where it needs none.
        record: dataset to record to; None for none.

    Raises:
        UnfitError: something forbids it; the text says what to do.
    """
    from hlm.cli.diagnosis.finding import must_be_fit
    from hlm.cli.diagnosis.quick import quick_findings
    from hlm.cli.memory import free_memory_bytes

    must_be_fit(
        quick_findings(
            robot,
            MonotonicClock(),
            interface=None if interface is None else interface.partition(":")[0],
            record=record,
            free_memory_bytes=free_memory_bytes(),
        )
    )
