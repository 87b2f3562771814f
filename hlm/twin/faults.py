"""What can go wrong with a twin, switched on and off by lines of words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum

import numpy as np

from hlm.core.errors import InputError, UnknownNameError
from hlm.core.layout import JOINTS, MOTOR_ORDER
from hlm.robots.unitree_remote import BUTTONS, key_field

CAMERAS = ("head", "left_wrist", "right_wrist")
INERTIAL_UNITS = ("pelvis", "torso")
COOL_C = 40.0
MODE_MACHINE = 5
"""What a G1 with 29 joints reports."""
_PUSH_S = 0.2

FAULTS = np.dtype(
    [
        ("state", np.int8),
        ("dead", np.bool_, JOINTS),
        ("fault_code", np.uint32, JOINTS),
        ("temperature_c", np.float64, JOINTS),
        ("tilted_rad", np.float64, len(INERTIAL_UNITS)),
        ("torso_silent", np.bool_),
        ("cut", np.bool_),
        ("keys", np.uint16),
        ("push_n", np.float64, 3),
        ("push_s", np.float64),
        ("pushes", np.int64),
        ("camera", np.int8, len(CAMERAS)),
        ("swapped", np.bool_),
        ("grippers_silent", np.bool_),
        ("lowered_m", np.float64),
        ("slack", np.bool_),
        ("mode_machine", np.int8),
    ]
)
"""A record of all switches. `pushes` counts, so that equal pushes are told apart."""


class StateFault(IntEnum):
    """What becomes of measurements."""

    OK = 0
    FROZEN = 1
    STOPPED = 2


class CameraFault(IntEnum):
    """What becomes of a camera's images."""

    OK = 0
    FROZEN = 1
    BLACK = 2
    GONE = 3


HELP = """\
state frozen|stopped|ok            measurements repeat, or do not come
motor NAME dead|ok                 a motor gives no torque, and reports no voltage
motor NAME fault CODE              a motor reports a fault
hot NAME CELSIUS                   a motor's temperature
imu pelvis|torso tilted DEGREES    an inertial unit is wrong by so much
imu torso silent|ok                it measures nothing any more
mode NUMBER                        the machine mode changes
commands cut|ok                    no command arrives
remote BUTTON ... | remote         buttons of the remote are down; none are
push X Y Z [SECONDS]               a force on the pelvis, N in the world
camera NAME frozen|black|gone|ok   an image repeats, is black, or does not come
camera swapped|straight            the wrists' images change places
grippers silent|ok                 the grippers' state does not come
rope METRES | rope off             a hanging robot is let down so far, by 5 cm a second, or let go
ok                                 all is well again"""


def no_faults() -> np.void:
    """All is well."""
    records = np.zeros(1, FAULTS)
    records["temperature_c"], records["mode_machine"] = COOL_C, MODE_MACHINE
    return records[0]


def switched(faults: np.void, line: str) -> np.void:
    """The switches after a line of words, see `HELP`.

    Raises:
        InputError: no such line; the text shows those that exist.
    """
    verb, *words = line.split() or [""]
    if verb == "ok" and not words:
        kept = no_faults()
        for name in ("pushes", "lowered_m", "slack"):
            kept[name] = faults[name]
        return kept
    if verb not in _SWITCHES:
        raise UnknownNameError("fault", verb, [*_SWITCHES, "ok"])
    changed = faults.copy()
    try:
        _SWITCHES[verb](changed, words)
    except (ValueError, IndexError, KeyError) as error:
        usage = "; ".join(" ".join(row.split("  ")[0].split()) for row in HELP.splitlines() if row.startswith(verb))
        raise InputError(f"'{line}' is no fault. As in: {usage}.") from error
    return changed


def _state(faults: np.void, words: Sequence[str]) -> None:
    (word,) = words
    faults["state"] = StateFault[word.upper()]


def _motor(faults: np.void, words: Sequence[str]) -> None:
    name, word, *code = words
    motor = _motor_index(name)
    if word == "fault":
        (number,) = code
        faults["fault_code"][motor] = int(_within(number, 1, 0xFFFFFFFF))
        return
    faults["dead"][motor] = {"dead": True, "ok": False}[word]
    faults["fault_code"][motor] = 0


def _imu(faults: np.void, words: Sequence[str]) -> None:
    name, word, *angle = words
    unit = INERTIAL_UNITS.index(name)
    if word == "tilted":
        (degrees,) = angle
        faults["tilted_rad"][unit] = np.deg2rad(_within(degrees, -180.0, 180.0))
        return
    if word == "silent" and name != "torso":
        raise ValueError(name)
    faults["torso_silent"] = {"ok": False, "silent": True}[word] if name == "torso" else faults["torso_silent"]
    faults["tilted_rad"][unit] = 0.0


def _hot(faults: np.void, words: Sequence[str]) -> None:
    name, celsius = words
    faults["temperature_c"][_motor_index(name)] = _within(celsius, -40.0, 200.0)


def _mode(faults: np.void, words: Sequence[str]) -> None:
    (number,) = words
    faults["mode_machine"] = int(_within(number, 0, 100))


def _commands(faults: np.void, words: Sequence[str]) -> None:
    (word,) = words
    faults["cut"] = {"cut": True, "ok": False}[word]


def _remote(faults: np.void, words: Sequence[str]) -> None:
    for name in words:
        if name not in BUTTONS:
            raise UnknownNameError("button", name, BUTTONS)
    faults["keys"] = key_field(tuple(words))


def _push(faults: np.void, words: Sequence[str]) -> None:
    x, y, z, duration = [*words, str(_PUSH_S)] if len(words) == 3 else words
    faults["push_n"] = [_within(word, -2000.0, 2000.0) for word in (x, y, z)]
    faults["push_s"] = _within(duration, 0.0, 60.0)
    faults["pushes"] += 1


def _camera(faults: np.void, words: Sequence[str]) -> None:
    if words in (["swapped"], ["straight"]):
        faults["swapped"] = words == ["swapped"]
        return
    name, word = words
    if name not in CAMERAS:
        raise UnknownNameError("camera", name, CAMERAS)
    faults["camera"][CAMERAS.index(name)] = CameraFault[word.upper()]


def _grippers(faults: np.void, words: Sequence[str]) -> None:
    (word,) = words
    faults["grippers_silent"] = {"silent": True, "ok": False}[word]


def _rope(faults: np.void, words: Sequence[str]) -> None:
    (word,) = words
    if word == "off":
        faults["slack"] = True
    elif faults["slack"]:
        raise InputError("the rope was let go, and nobody ties it again.")
    else:
        faults["lowered_m"] = _within(word, 0.0, 2.0)


def _motor_index(name: str) -> int:
    if name not in MOTOR_ORDER:
        raise UnknownNameError("motor", name, MOTOR_ORDER)
    return MOTOR_ORDER.index(name)


def _within(text: str, least: float, most: float) -> float:
    value = float(text)
    if not least <= value <= most:
        raise ValueError(text)
    return value


_SWITCHES: Mapping[str, Callable[[np.void, Sequence[str]], None]] = {
    "state": _state,
    "motor": _motor,
    "hot": _hot,
    "imu": _imu,
    "mode": _mode,
    "commands": _commands,
    "remote": _remote,
    "push": _push,
    "camera": _camera,
    "grippers": _grippers,
    "rope": _rope,
}
