"""What a page's messages ask for, checked: pages are not trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from hlm.core.arrays import FloatArray
from hlm.core.errors import InputError
from hlm.teleop.devices.device import Button
from hlm.teleop.page.controls import Slider
from hlm.teleop.page.page_event import (
    ButtonPressed,
    EpisodeDeleted,
    EpisodeRelabelled,
    InstructionChosen,
    PageEvent,
    RedoLast,
)
from hlm.teleop.page.part_poses import Part
from hlm.teleop.web.numbers import finite_number

_OUTCOMES = ("success", "failure", "unlabelled")
_MAX_TEXT = 500
_MAX_AXES, _MAX_BUTTONS = 16, 32

type Content = Mapping[str, Any]


def event_in(kind: str, content: Content, stamp_ns: int) -> PageEvent | None:
    """The event that a message asks for; None if it is about something else.

    Raises:
        InputError: it asks for what there is not.
    """
    if kind == "press":
        return ButtonPressed(_choice(content, "button", Button), stamp_ns)
    if kind == "instruction":
        return InstructionChosen(_text(content, "text"))
    if kind == "delete":
        return EpisodeDeleted(_text(content, "name"))
    if kind == "redo":
        return RedoLast()
    if kind == "relabel":
        outcome = content.get("outcome")
        if outcome is not None and outcome not in _OUTCOMES:
            raise InputError(f"no outcome '{str(outcome)[:40]}'. Known: {', '.join(_OUTCOMES)}.")
        return EpisodeRelabelled(
            _text(content, "name"),
            instruction=None if content.get("instruction") is None else _text(content, "instruction"),
            outcome=outcome,
            note=None if content.get("note") is None else str(content["note"])[:_MAX_TEXT],
        )
    return None


def part_in(content: Content) -> Part:
    """The part that a message is about."""
    return _choice(content, "part", Part)


def slider_in(content: Content) -> Slider:
    """The slider that a message is about."""
    return _choice(content, "name", Slider)


def number_in(content: Content, name: str) -> float:
    """A finite number in a message.

    Raises:
        InputError: there is none.
    """
    number = finite_number(content.get(name))
    if number is None:
        raise InputError(f"a page's message has no number '{name}'.")
    return number


def vector_in(content: Content, name: str, size: int) -> FloatArray:
    """[size] finite numbers in a message.

    Raises:
        InputError: there are not as many.
    """
    values = content.get(name)
    if not isinstance(values, list) or len(values) != size:
        raise InputError(f"a page's message needs {size} numbers '{name}'.")
    return np.array([number_in({name: value}, name) for value in values])


def gamepad_in(content: Content) -> tuple[FloatArray, FloatArray] | None:
    """Axes from -1 to 1, and how far each button is pressed from 0 to 1; None without a gamepad."""
    pad = content.get("gamepad")
    if not isinstance(pad, dict):
        return None
    found = []
    for name, limit in (("axes", _MAX_AXES), ("buttons", _MAX_BUTTONS)):
        values = pad.get(name)
        if not isinstance(values, list) or len(values) > limit:
            raise InputError(f"a gamepad has no more than {limit} {name}.")
        found.append(np.clip(vector_in(pad, name, len(values)), -1.0, 1.0))
    return found[0], found[1]


def _text(content: Content, name: str) -> str:
    value = content.get(name)
    if not isinstance(value, str) or not value.strip() or len(value) > _MAX_TEXT:
        raise InputError(f"a page's message needs a text '{name}' of 1 to {_MAX_TEXT} characters.")
    return " ".join(value.split())


def _choice[Choice: (Button, Part, Slider)](content: Content, name: str, choices: type[Choice]) -> Choice:
    try:
        return choices(str(content.get(name)))
    except ValueError:
        known = ", ".join(choices)
        raise InputError(f"no {name} '{str(content.get(name))[:40]}'. Known: {known}.") from None
