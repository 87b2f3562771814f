"""Cameras in words: `head=opencv:/dev/video0,size=640x480`, `wrists=openhlm:tcp://192.168.123.164:5554`.

NAMES=DRIVER[:WHERE][,OPTION=VALUE...], where NAMES are cameras joined by `+`. `SYNTAX` lists drivers and options.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, NamedTuple

from hlm.cameras.camera_process import CameraProcess, CameraProcesses
from hlm.cameras.delivery import DeliveryConfig, MakeCameras
from hlm.cameras.image_checks import ImageChecks
from hlm.cameras.opencv import OpenCvCamera, OpenCvConfig
from hlm.cameras.openhlm import OpenHlmCameras, OpenHlmConfig
from hlm.cameras.realsense import RealSenseCamera, RealSenseConfig
from hlm.cameras.teleimager import TeleimagerCamera, TeleimagerConfig
from hlm.cameras.video_file import VideoFileCamera, VideoFileConfig
from hlm.core.errors import InputError, UnknownNameError

_LARGEST_SIDE_PX, _LONGEST_S = 8192, 60.0
_WRISTS = ("left_wrist", "right_wrist")


class _Option(NamedTuple):
    """An option of a driver: which attribute of its config it sets, from which text."""

    attribute: str
    value: Callable[[str], Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Driver:
    """How a driver is said.

    Attributes:
        config: of its cameras; has a `name`, or `names`.
        cameras: made from that config.
        where: attribute of the config that stands behind the driver's name; empty if none does.
        options: by name.
    """

    config: Callable[..., Any]
    cameras: Callable[[Any], Any]
    where: str
    options: Mapping[str, _Option] = field(default_factory=dict)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (0 < int(width) <= _LARGEST_SIDE_PX and 0 < int(height) <= _LARGEST_SIDE_PX):
        raise ValueError(text)
    return int(height), int(width)


def _yes(text: str) -> bool:
    return {"yes": True, "no": False}[text]


def _seconds(text: str) -> float:
    if not 0.0 <= float(text) <= _LONGEST_S:
        raise ValueError(text)
    return float(text)


def _milliseconds(text: str) -> float:
    return _seconds(str(float(text) / 1000.0))


def _limit(text: str) -> float | None:
    return None if text == "off" else _seconds(text)


_LATENCY = {"latency_ms": _Option("latency_s", _milliseconds)}
_WAITING = {**_LATENCY, "timeout": _Option("timeout_s", _seconds)}
_EYE = {"eye": _Option("eye", str)}
_DRIVERS: Mapping[str, _Driver] = {
    "opencv": _Driver(
        config=OpenCvConfig,
        cameras=OpenCvCamera,
        where="device",
        options={
            "size": _Option("size", _size),
            "rate": _Option("rate_hz", float),
            "fourcc": _Option("fourcc", str),
            **_LATENCY,
        },
    ),
    "realsense": _Driver(
        config=RealSenseConfig,
        cameras=RealSenseCamera,
        where="serial",
        options={
            "size": _Option("size", _size),
            "rate": _Option("rate_hz", int),
            "timeout": _Option("timeout_s", _seconds),
        },
    ),
    "openhlm": _Driver(
        config=OpenHlmConfig,
        cameras=OpenHlmCameras,
        where="address",
        options={**_EYE, **_WAITING, "recorded_size": _Option("recorded_size", _yes)},
    ),
    "teleimager": _Driver(
        config=TeleimagerConfig,
        cameras=TeleimagerCamera,
        where="host",
        options={"topic": _Option("topic", str), "port": _Option("port", int), **_EYE, **_WAITING},
    ),
    "video": _Driver(
        config=VideoFileConfig, cameras=VideoFileCamera, where="path", options={"loop": _Option("loop", _yes)}
    ),
}
_CHECKS = {"frozen": _Option("frozen_after_s", _limit), "blank": _Option("blank_range", int)}

SYNTAX = "\n".join(
    f"NAMES={name}[:{driver.where.upper()}]" + "".join(f"[,{option}=]" for option in (*driver.options, *_CHECKS))
    for name, driver in _DRIVERS.items()
)
"""One line for each driver, with its options."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CameraGroup:
    """Cameras that one process delivers.

    Attributes:
        names: of the cameras.
        make_cameras: makes them in their process; picklable.
        delivery: how they are delivered.
        said: the words that they were said in.
    """

    names: tuple[str, ...]
    make_cameras: MakeCameras
    delivery: DeliveryConfig
    said: str


def parse_cameras(words: Sequence[str], known: Sequence[str]) -> tuple[CameraGroup, ...]:
    """Groups of cameras from words such as `head=opencv:/dev/video0`.

    Args:
        words: one for each group.
        known: names that the robot's cameras have.

    Raises:
        UnknownNameError: no such camera, driver or option.
        InputError: words that mean nothing, values that make no sense, or a camera that is named twice.
    """
    groups = tuple(_group(word, known) for word in words)
    names = [name for group in groups for name in group.names]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"camera '{twice[0]}' is named twice in --cameras {' '.join(words)}.")
    return groups


def open_cameras(groups: Sequence[CameraGroup]) -> CameraProcesses:
    """The cameras of all groups, a process for each, not yet entered."""
    return CameraProcesses(
        tuple(CameraProcess(_process(group), group.make_cameras, group.names, group.delivery) for group in groups)
    )


def _process(group: CameraGroup) -> str:
    return f"{'+'.join(group.names)} camera" + "s" * (len(group.names) > 1)


def _group(word: str, known: Sequence[str]) -> CameraGroup:
    said, _, rest = word.partition("=")
    source, *settings = rest.split(",")
    name, _, where = source.partition(":")
    if not (said and name):
        raise InputError(f"'{word}' is no camera: say NAME=DRIVER:WHERE, such as head=opencv:/dev/video0.")
    names = _WRISTS if said == "wrists" else tuple(said.split("+"))
    for camera in names:
        if camera not in known:
            raise UnknownNameError("camera", camera, known)
    if name not in _DRIVERS:
        raise UnknownNameError("camera driver", name, _DRIVERS)
    driver = _DRIVERS[name]
    checks: dict[str, Any] = {}
    values = _names(driver, name, names)
    for setting in settings:
        option, value = _setting(setting, name, driver, word)
        (checks if setting.partition("=")[0] in _CHECKS else values)[option] = value
    if where:
        values[driver.where] = where
    delivery = DeliveryConfig(checks=ImageChecks(**checks))
    try:
        make: MakeCameras = partial(driver.cameras, driver.config(**values))
    except TypeError as error:
        raise InputError(f"'{word}' does not say where: {name}:{driver.where.upper()}.") from error
    return CameraGroup(names=names, make_cameras=make, delivery=delivery, said=word)


def _names(driver: _Driver, name: str, names: tuple[str, ...]) -> dict[str, Any]:
    if "names" in {item.name for item in fields(driver.config)}:  # type: ignore[arg-type]
        return {"names": names}
    if len(names) > 1:
        raise InputError(f"{name} is one camera, not {' and '.join(names)}: say each by itself.")
    return {"name": names[0]}


def _setting(setting: str, name: str, driver: _Driver, word: str) -> tuple[str, Any]:
    """Attribute and value of `OPTION=VALUE`."""
    option, _, text = setting.partition("=")
    known = {**driver.options, **_CHECKS}
    if option not in known:
        raise UnknownNameError(f"option of {name} cameras", option, known)
    try:
        return known[option].attribute, known[option].value(text)
    except (ValueError, KeyError) as error:
        raise InputError(
            f"'{setting}' in '{word}' is no value for {option}: a size is WIDTHxHEIGHT, a switch yes or no, a time a "
            "number from 0 to 60 s."
        ) from error
